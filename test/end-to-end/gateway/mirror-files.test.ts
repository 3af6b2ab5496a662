import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { startNode } from '../../support/gateway/gateway-node.ts'
import type { Fault } from '../../support/hub/faults.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'

setDefaultTimeout(120_000)
const size = 12_000_000
const text = 'text\n'
const repo: RepoSpec = {
  id: 'o/r',
  commits: [{ w: { seed: 'weights', size, lfs: true }, t: text, empty: '' }],
}
const digest = (algorithm: string) => createHash(algorithm).update(text).digest('hex')
const plainText = { target: '/t(?:\\?|$)' }

const habits: readonly [name: string, faults: readonly Fault[]][] = [
  [
    'answers each HEAD with 200 and a length of 0',
    [{ match: { method: 'HEAD' }, headers: { 'Content-Length': '0' } }],
  ],
  ...['sha1', 'sha256', 'md5'].map((name): [string, Fault[]] => [
    `makes the ETag of plain files by ${name}`,
    [{ match: plainText, headers: { ETag: `"${digest(name)}"` } }],
  ]),
  ['does not say which range it sends', [{ match: { ranged: true }, headers: { 'Content-Range': null } }]],
  [
    'announces a wrong length once',
    [{ match: { side: 'cdn', ranged: true }, times: 1, headers: { 'Content-Length': String(2 ** 20 + 7) } }],
  ],
]

describe('a client of the gateway of a mirror that', () => {
  for (const [name, faults] of habits)
    test(`${name} has the right bytes`, async () => {
      await using hub = await startTestHub({ repos: [repo], faults })
      await using node = await startNode(hub.url)
      const content = hub.repo('o/r').resolve('main')?.files
      for (const [path, length] of [
        ['w', size],
        ['t', text.length],
        ['empty', 0],
      ] as const) {
        const url = `${node.url}/o/r/resolve/main/${path}`
        const answer = await fetch(url)
        expect(answer.status).toBe(200)
        const bytes = await answer.bytes()
        expect(bytes.length).toBe(length)
        expect(Number(answer.headers.get('content-length'))).toBe(length)
        const head = await fetch(url, { method: 'HEAD' })
        expect(Number(head.headers.get('content-length'))).toBe(length)
        if (path === 'w') {
          const sha256 = createHash('sha256').update(bytes).digest('hex')
          expect(sha256).toBe(content?.get('w')?.oid ?? '')
          expect(head.headers.get('x-linked-etag')).toBe(`"${sha256}"`)
        }
        if (path === 't' && !name.includes('sha256'))
          expect(head.headers.get('etag')).toBe(`"${content?.get('t')?.oid}"`)
      }
    })

  test('sends wrong bytes once is still believed where it names plain files', async () => {
    const wrong = { match: { ...plainText, method: 'GET' }, times: 1, flip: [0] }
    await using hub = await startTestHub({ repos: [repo], faults: [wrong] })
    await using node = await startNode(hub.url)
    const asked = () => hub.stats().kinds['paths-info']?.requests ?? 0
    expect(await (await fetch(`${node.url}/o/r/resolve/main/t`)).text()).toBe(text)
    expect((await fetch(`${node.url}/o/r/resolve/main/empty`)).status).toBe(200)
    expect(asked()).toBe(1)
  })

  test('does not say which range it sends has parts of a blob that is not here', async () => {
    await using hub = await startTestHub({
      repos: [repo],
      faults: [{ match: { ranged: true }, headers: { 'Content-Range': null } }],
    })
    await using node = await startNode(hub.url)
    const url = `${node.url}/o/r/resolve/main/w`
    const part = await fetch(url, { headers: { range: 'bytes=5000000-5000099' } })
    expect(part.status).toBe(206)
    const bytes = await part.bytes()
    const whole = await (await fetch(url)).bytes()
    expect(Buffer.compare(bytes, whole.subarray(5_000_000, 5_000_100))).toBe(0)
  })
})
