import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { RepoSpec } from '../support/hub/repo.ts'
import { type GatewayFixture, getOverProxy, openTestGateway } from './gateway-fixture.ts'

const size = 3_000_000
const weights: RepoSpec = {
  id: 'org/data',
  commits: [{ 'w.bin': { seed: 'w', size, lfs: true }, t: 'text\n' }],
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A gateway that may fetch from the test Hub's CDN. */
function open(): Promise<GatewayFixture> {
  return openTestGateway({ repos: [weights] }, ({ hub }) => ({ allowHosts: [hub.cdnUrl] }))
}

/** A freshly signed address of the weights, as the Hub's own redirect gives it. */
async function signedUrl({ hub }: GatewayFixture): Promise<string> {
  const answer = await fetch(`${hub.url}/org/data/resolve/main/w.bin`, { redirect: 'manual' })
  return answer.headers.get('location') ?? ''
}

function oidOf({ hub }: GatewayFixture): string {
  return hub.repo('org/data').resolve('main')?.files.get('w.bin')?.oid ?? ''
}

describe('an address of the CDN, asked of the gateway as a proxy', () => {
  test('gives the bytes, and another signature for the same gives them from here', async () => {
    await using gateway = await open()
    const first = await getOverProxy(gateway, await signedUrl(gateway))
    expect([first.status, first.headers.get('x-dfhf-cache'), sha256(first.body)]).toEqual([
      200,
      'miss',
      oidOf(gateway),
    ])
    gateway.hub.resetStats()
    gateway.hub.signer.lifetimeMs += 1000
    const second = await getOverProxy(gateway, await signedUrl(gateway))
    expect([second.status, second.headers.get('x-dfhf-cache'), sha256(second.body)]).toEqual([
      200,
      'hit',
      oidOf(gateway),
    ])
    expect(gateway.hub.stats().cdn.bodyBytes).toBe(0)
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'))
  })

  test('answers ranges as the CDN does', async () => {
    await using gateway = await open()
    const url = await signedUrl(gateway)
    for (let round = 0; round < 2; round += 1) {
      const part = await getOverProxy(gateway, url, { range: 'bytes=1000-99999' })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 1000-99999/${size}`])
      const direct = await (await fetch(url, { headers: { range: 'bytes=1000-99999' } })).bytes()
      expect(Buffer.compare(part.body, direct)).toBe(0)
      await getOverProxy(gateway, url)
    }
  })

  test('with a signature that the CDN refuses gets its refusal, also when the bytes are here', async () => {
    await using gateway = await open()
    const url = await signedUrl(gateway)
    await getOverProxy(gateway, url)
    const forged = new URL(url)
    forged.searchParams.set('Signature', 'x')
    for (const refused of [forged.href, url.replace(/\?.*/, '')]) {
      const answer = await getOverProxy(gateway, refused)
      expect([answer.status, answer.body.length < 1000]).toEqual([403, true])
    }
    gateway.hub.signer.expireAll()
    expect((await getOverProxy(gateway, await signedUrl(gateway))).status).toBe(200)
  })

  test('that names no blob is passed through, and says so', async () => {
    await using gateway = await open()
    const answer = await getOverProxy(gateway, `${gateway.hub.cdnUrl}/cas/none`)
    expect([answer.status, answer.headers.get('x-dfhf-cache')]).toEqual([404, 'pass'])
  })

  test('whose last part is no digest of its bytes is passed through from the second time on', async () => {
    await using gateway = await openTestGateway(
      {
        repos: [
          {
            id: 'org/data',
            commits: [{ 'w.bin': { seed: 'w', size, lfs: true, claims: { oid: 'a'.repeat(64) } } }],
          },
        ],
      },
      ({ hub }) => ({ allowHosts: [hub.cdnUrl] }),
    )
    const url = await signedUrl(gateway)
    const first = await getOverProxy(gateway, url)
    expect(first.status === 502 || first.body.length < size).toBe(true)
    const second = await getOverProxy(gateway, url)
    expect([second.status, second.headers.get('x-dfhf-cache'), second.body.length]).toEqual([
      200,
      'pass',
      size,
    ])
  })

  test('may come without its host, when X-Dragonfly-Registry or the shape of the path tells the server', async () => {
    await using gateway = await open()
    const url = new URL(await signedUrl(gateway))
    const path = url.pathname + url.search
    const named = await fetch(gateway.url + path, { headers: { 'X-Dragonfly-Registry': gateway.hub.cdnUrl } })
    expect(sha256(await named.bytes())).toBe(oidOf(gateway))
    const unnamed = await fetch(gateway.url + path)
    expect(sha256(await unnamed.bytes())).toBe(oidOf(gateway))
  })

  test('of a client with a token is passed through for that client alone', async () => {
    await using gateway = await open()
    await getOverProxy(gateway, await signedUrl(gateway))
    const url = await signedUrl(gateway)
    const answer = await getOverProxy(gateway, url, { authorization: 'Bearer hf_x' })
    expect([answer.status, answer.headers.get('x-dfhf-cache')]).toEqual([400, 'pass'])
  })
})

describe('other hosts', () => {
  test('are not reached by an address that leads there only once it was found to be good', async () => {
    let [reached, tries] = [0, 0]
    const triedTwice = Promise.withResolvers<void>()
    const inside = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => {
        reached += 1
        return new Response('inside')
      },
    })
    const store = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ method }) => {
        if (method === 'HEAD') return new Response(null, { headers: { 'content-length': '6' } })
        tries += 1
        if (tries === 2) triedTwice.resolve()
        return Response.redirect(`http://127.0.0.1:${inside.port}/`, 302)
      },
    })
    const address = `http://127.0.0.1:${store.port}`
    await using gateway = await openTestGateway({ repos: [weights] }, () => ({ allowHosts: [address] }))
    const oid = sha256(Buffer.from('inside'))
    const named = `${address}/repos/ab/cd/abcd${'0'.repeat(60)}/${oid}`
    getOverProxy(gateway, named).catch(() => {})
    // It is tried again, so by then it was decided where the first answer led.
    await triedTwice.promise
    expect(reached).toBe(0)
    await Promise.all([inside.stop(true), store.stop(true)])
  })

  test('are refused, whatever names them', async () => {
    await using gateway = await openTestGateway({ repos: [weights] })
    const other = await signedUrl(gateway)
    expect((await getOverProxy(gateway, other)).status).toBe(403)
    const named = await fetch(`${gateway.url}/x`, { headers: { 'X-Dragonfly-Registry': gateway.hub.cdnUrl } })
    expect(named.status).toBe(403)
    expect((await getOverProxy(gateway, 'http://169.254.169.254/latest/meta-data')).status).toBe(403)
    expect(gateway.hub.stats().cdn.requests).toBe(0)
  })

  test('the Hub itself is served over the proxy as it is by the mirror', async () => {
    await using gateway = await openTestGateway({ repos: [weights], pageSize: 1 })
    const { hub } = gateway
    const file = await getOverProxy(gateway, `${hub.url}/org/data/resolve/main/w.bin`)
    expect([file.status, sha256(file.body), file.headers.get('location')]).toEqual([
      200,
      oidOf(gateway),
      null,
    ])
    const list = await getOverProxy(gateway, `${hub.url}/api/models/org/data/tree/main?recursive=true`)
    expect(list.headers.get('link')).toContain(`<${hub.url}/api/models/org/data/tree/`)
  })
})
