import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { Status } from '../../../src/serve/status/status.ts'
import { openPage } from '../../support/gateway/browser.ts'
import { withDeadline } from '../../support/gateway/deadline.ts'
import { eventually } from '../../support/gateway/eventually.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { rawRequest } from '../../support/gateway/raw-request.ts'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 8_000_000
const secret = { id: 'o/secret', private: true, commits: [{ 'secret-name': { seed: 's', size, lfs: true } }] }
const repos = [weightsRepo(size), secret]
const users = [{ name: 'in', token: 'hf_in', access: ['o/secret'] }]
const browser = ['User-Agent: Mozilla/5.0 Firefox/130.0', 'Accept: text/html,*/*;q=0.8']
const typed = [...browser, 'Sec-Fetch-Site: none']

/** What the stream tells, until `willDo` is content. */
async function toldBy(node: GatewayNode, willDo: (status: Status) => boolean): Promise<Status> {
  const leave = new AbortController()
  const response = await fetch(`${node.url}/v1/status`, { signal: leave.signal })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  let last = 'nothing'
  const find = async () => {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        last = event
        const status: Status = JSON.parse(event.replace(/^data: /, ''))
        if (willDo(status)) return status
      }
    }
    throw new Error(`the stream ended: ${last}`)
  }
  try {
    return await withDeadline(find(), 30_000, () => `still: ${last}`)
  } finally {
    leave.abort()
  }
}

describe('the root of the gateway', () => {
  test('is a page for a browser whose user typed the address, whole in itself and shut to all else', async () => {
    await using hub = await startTestHub({ repos })
    await using node = await startNode(hub.url)
    const { host } = new URL(node.url)
    for (const marks of [typed, browser, [...browser, 'Sec-Fetch-Site: same-origin']]) {
      const { status, headers, body } = await rawRequest(node.url, 'GET /', [`Host: ${host}`, ...marks])
      const page = body.toString()
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toStartWith("default-src 'none'; script-src 'sha256-")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe')
      for (const tag of ['script', 'style']) {
        const text = page.split(`<${tag}>`)[1]?.split(`</${tag}>`)[0] ?? ''
        expect(policy).toContain(`'sha256-${new Bun.CryptoHasher('sha256').update(text).digest('base64')}'`)
      }
      expect(page).not.toMatch(/https?:\/\/|\ssrc=|\son\w+=|\sstyle=|innerHTML/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  test('is the Hub’s own for its clients, which ask for no page', async () => {
    await using hub = await startTestHub({ repos })
    await using node = await startNode(hub.url)
    const direct = await fetch(hub.url)
    hub.resetStats()
    const answer = await fetch(node.url)
    expect([answer.status, await answer.text()]).toEqual([direct.status, await direct.text()])
    expect(hub.stats().hub.requests).toBe(1)
  })

  test('and its events are refused to every other page, and under a name that is not the gateway’s', async () => {
    await using hub = await startTestHub({ repos })
    await using node = await startNode(hub.url)
    const { host } = new URL(node.url)
    const foreign = [
      [`Host: ${host}`, ...browser, 'Sec-Fetch-Site: cross-site'],
      [`Host: ${host}`, ...browser, 'Sec-Fetch-Site: same-site'],
      [`Host: ${host}`, ...browser, 'Origin: http://evil.example'],
      [`Host: ${host}`, ...typed, 'Origin: null'],
      ['Host: evil.example', ...typed],
    ]
    for (const path of ['/', '/v1/status'])
      for (const headers of foreign)
        expect([path, headers, (await rawRequest(node.url, `GET ${path}`, headers)).status]).toEqual([
          path,
          headers,
          403,
        ])
    for (const path of ['/metrics', '/v1/warm', '/o/r/resolve/main/w', '/v1/status/x'])
      expect((await rawRequest(node.url, `GET ${path}`, [`Host: ${host}`, ...browser])).status).toBe(403)
    // An image of another page has no mark where the gateway is no secure origin; it must not bring the Hub's root either.
    const image = [`Host: ${host}`, 'User-Agent: Mozilla/5.0 Firefox/130.0', 'Accept: image/*']
    expect((await rawRequest(node.url, 'GET /', image)).status).toBe(403)
    expect(hub.stats().hub.requests).toBe(0)
  })
})

describe('the events of the status page', () => {
  test('tell of transfers, by name where the repo is public and without any where it is not', async () => {
    await using hub = await startTestHub({ repos, users, rates: { cdn: 3_000_000 } })
    await using node = await startNode(hub.url)
    const headers = { authorization: 'Bearer hf_in' }
    const reads = [
      fetch(`${node.url}/o/r/resolve/main/w`, { headers }),
      fetch(`${node.url}/o/secret/resolve/main/secret-name`, { headers }),
    ]
    const isNamed = ({ transfers }: Status) =>
      transfers.length === 2 && transfers.some(({ repo }) => repo === 'o/r')
    const status = await toldBy(node, (each) => isNamed(each) && each.transfers.every(({ rate }) => rate > 0))
    expect(status.transfers.map(({ repo, path }) => `${repo} ${path}`).toSorted()).toEqual([
      'o/r w',
      'undefined undefined',
    ])
    for (const { cells } of status.transfers) expect(cells).toMatch(/^[hm]{8}$/)
    expect(JSON.stringify(status)).not.toContain('secret')
    for (const read of reads) await (await read).bytes()
    const after = await toldBy(node, ({ recent }) => recent.length === 2)
    expect(after.bytes.hub).toBe(2 * size)
    expect(after.store).toMatchObject({ used: 2 * size, blobs: 2 })
    await (await fetch(`${node.url}/o/r/resolve/main/w`)).bytes()
    expect((await toldBy(node, ({ bytes }) => bytes.saved > 0)).bytes.saved).toBe(size)
  })

  test('tell of what failed in words that name nothing private', async () => {
    await using hub = await startTestHub({ repos, users })
    await using node = await startNode(hub.url)
    hub.addFault({ match: { side: 'cdn' }, flip: [3_000_000] })
    const headers = { authorization: 'Bearer hf_in' }
    await fetch(`${node.url}/o/secret/resolve/main/secret-name`, { headers })
      .then((response) => response.bytes())
      .catch(() => {})
    const status = await toldBy(node, ({ errors }) =>
      errors.some(({ text }) => text.includes('not what they must be')),
    )
    expect(JSON.stringify(status)).not.toContain('secret')
    expect(status.errors.every(({ about }) => about !== undefined && Object.keys(about).length === 0)).toBe(
      true,
    )
  })

  test('go to a bounded number of viewers, and do not keep a daemon from ending', async () => {
    await using hub = await startTestHub({ repos })
    await using node = await startNode(hub.url)
    const leave = new AbortController()
    const views = await Promise.all(
      Array.from({ length: 9 }, () => fetch(`${node.url}/v1/status`, { signal: leave.signal })),
    )
    expect(views.map(({ status }) => status).toSorted()).toEqual([...Array(8).fill(200), 503])
    node.running.kill('SIGTERM')
    const result = await withDeadline(node.running.result, 4_000, () => 'still running after 4 s')
    expect(result.code).toBe(0)
    leave.abort()
  })
})

test.if(hasPrograms('chromium'))(
  'a browser shows the status, and obeys no text that a repo brings',
  async () => {
    const name = '<img src=x onerror=alert(1)>.bin'
    const odd = { id: 'o/odd', commits: [{ [name]: { seed: 'odd', size, lfs: true } }] }
    await using hub = await startTestHub({ repos: [odd, secret], users })
    await using node = await startNode(hub.url)
    const headers = { authorization: 'Bearer hf_in' }
    await (await fetch(`${node.url}/o/odd/resolve/main/${encodeURIComponent(name)}`)).bytes()
    await (await fetch(`${node.url}/o/secret/resolve/main/secret-name`, { headers })).bytes()
    await using browser = await openPage(node.url, join(node.machine.folder, 'chromium'))
    const page = await eventually(browser.document, (document) => document.includes('o/odd'))
    expect(page).toContain(`Hub ${new URL(hub.url).host} answers`)
    expect(page).toContain('o/odd / &lt;img src=x onerror=alert(1)&gt;.bin')
    expect(page).toContain('a private repo')
    expect(page).toContain('16.0 MB')
    expect(page).not.toContain('secret')
  },
)
