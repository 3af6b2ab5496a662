import { describe, expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import type { WarmEvent } from '../../src/serve/warm-event.ts'
import { type GatewayFixture, openTestGateway } from '../gateway/gateway-fixture.ts'
import { variedRepo } from '../support/hub/fixtures.ts'

const secret = { ...variedRepo('org/secret'), private: true, formerIds: [] }
const users = [{ name: 'in', token: 'hf_in', access: ['org/secret'] }]

function order(
  gateway: GatewayFixture,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${gateway.url}/v1/warm`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function events(answer: Response): Promise<WarmEvent[]> {
  return (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as WarmEvent)
}

describe('an order to fetch ahead', () => {
  test('brings all files into the store, tells of each, and ends in a sum', async () => {
    await using gateway = await openTestGateway({ repos: [variedRepo()] })
    const files = gateway.hub.repo('test-org/varied').resolve('main')?.files ?? new Map()
    const told = await events(await order(gateway, { repo: 'test-org/varied' }))
    const done = told.at(-1)
    expect(told[0]).toMatchObject({ type: 'plan', files: files.size })
    expect(done).toMatchObject({ type: 'done', repo: 'test-org/varied', revision: 'main', files: files.size })
    expect(told.filter(({ type }) => type === 'file-done')).toHaveLength(files.size)
    for (const { oid, size } of files.values()) {
      using blob = size === 0 ? undefined : await gateway.library.acquire(oid)
      expect(size === 0 || blob?.size === size).toBe(true)
    }
    const again = (await events(await order(gateway, { repo: 'test-org/varied' }))).at(-1)
    expect(again).toMatchObject({ type: 'done', bytes: { hub: 0, peers: 0 } })
  })

  test('of a private repo uses what the client brings, or on loopback the node’s own token', async () => {
    await using gateway = await openTestGateway({ repos: [secret], users })
    expect((await order(gateway, { repo: 'org/secret' })).status).toBe(404)
    const brought = await events(
      await order(gateway, { repo: 'org/secret' }, { authorization: 'Bearer hf_in' }),
    )
    expect(brought.at(-1)?.type).toBe('done')

    await using http = createHttpClient()
    await using own = await openTestGateway({ repos: [secret], users }, ({ hub }) => ({
      ownHub: new HubClient({ endpoint: hub.url, http, userAgent: 'test', token: 'hf_in' }),
    }))
    // What a proxy of this machine passes on may come from any machine.
    for (const name of ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'])
      expect((await order(own, { repo: 'org/secret' }, { [name]: '10.6.6.6' })).status).toBe(404)
    expect((await events(await order(own, { repo: 'org/secret' }))).at(-1)?.type).toBe('done')
    await using wide = await openTestGateway({ repos: [secret], users }, ({ hub }) => ({
      listen: { host: '0.0.0.0', port: 0 },
      ownHub: new HubClient({ endpoint: hub.url, http, userAgent: 'test', token: 'hf_in' }),
    }))
    expect((await order(wide, { repo: 'org/secret' })).status).toBe(404)
  })

  test('that makes no sense, comes from a web page, or can never fit is refused', async () => {
    await using gateway = await openTestGateway({ repos: [variedRepo()] }, () => ({ storeQuota: 1000 }))
    for (const bad of [
      'no json',
      '[]',
      { repo: '../..' },
      { repo: 'a/b', revision: '../x' },
      { repo: 'a/b', include: [1] },
    ])
      expect((await order(gateway, bad)).status).toBe(400)
    const page = await order(gateway, { repo: 'test-org/varied' }, { origin: 'https://evil.example' })
    expect(page.status).toBe(403)
    const large = await order(gateway, { repo: 'test-org/varied' })
    expect([large.status, ((await large.json()) as { code: string }).code]).toEqual([507, 'disk-full'])
    expect(gateway.hub.stats().oids).toEqual({})
  })

  test('ends with its client', async () => {
    await using gateway = await openTestGateway({
      repos: [{ id: 'org/data', commits: [{ 'w.bin': { seed: 'w', size: 40_000_000, lfs: true } }] }],
      rates: { cdn: 10_000_000 },
    })
    const leaving = new AbortController()
    const answer = await fetch(`${gateway.url}/v1/warm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"repo":"org/data"}',
      signal: leaving.signal,
    })
    await answer.body?.getReader().read()
    await gateway.hub.until(({ cdn }) => cdn.bodyBytes > 1_000_000)
    leaving.abort()
    await gateway.hub.until(({ cdn }) => cdn.open === 0)
    expect(gateway.hub.stats().cdn.bodyBytes).toBeLessThan(40_000_000)
  })
})
