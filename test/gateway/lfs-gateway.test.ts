import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { parseOid, type Sha256 } from '../../src/blob/oid.ts'
import { LfsTickets } from '../../src/gateway/lfs/lfs-tickets.ts'
import { type GatewayFixture, openTestGateway } from './gateway-fixture.ts'

const size = 2_000_000
const repos = [
  {
    id: 'org/data',
    private: true,
    commits: [{ 'w.bin': { seed: 'w', size, lfs: true } as const, t: 'text' }],
  },
]
const users = [
  { name: 'in', token: 'hf_in', access: ['org/data'] },
  { name: 'out', token: 'hf_out' },
]

interface Batch {
  readonly objects: readonly {
    readonly oid: string
    readonly actions?: { readonly download: { readonly href: string; readonly header: object } }
    readonly error?: { readonly code: number }
  }[]
}

function oidOf({ hub }: GatewayFixture): string {
  return hub.repo('org/data').resolve('main')?.files.get('w.bin')?.oid ?? ''
}

function batch(gateway: GatewayFixture, token: string, oids: readonly string[]): Promise<Response> {
  return fetch(`${gateway.url}/org/data.git/info/lfs/objects/batch`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`user:${token}`).toString('base64')}`,
      'content-type': 'application/vnd.git-lfs+json',
    },
    body: JSON.stringify({ operation: 'download', objects: oids.map((oid) => ({ oid, size })) }),
  })
}

describe('a batch of git-lfs', () => {
  test('leads to the gateway, which gives each object to a client that has its address, and for no other object', async () => {
    await using gateway = await openTestGateway({ repos, users })
    const oid = oidOf(gateway)
    const answer = await batch(gateway, 'hf_in', [oid, 'f'.repeat(64)])
    expect(answer.headers.get('content-type')).toBe('application/vnd.git-lfs+json')
    const { objects } = (await answer.json()) as Batch
    const [found, missing] = objects
    expect(missing?.error?.code).toBe(404)
    const href = found?.actions?.download.href ?? ''
    expect(href).toStartWith(`${gateway.url}/org/data.git/info/lfs/objects/${oid}?ticket=`)
    expect(found?.actions?.download.header).toEqual({})
    for (let round = 0; round < 2; round += 1) {
      const bytes = await (await fetch(href)).bytes()
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(oid)
    }
    expect(gateway.hub.stats().oids[oid]?.bodyBytes).toBe(size)
    for (const bad of [
      href.replace(/ticket=.*/, 'ticket=x'),
      href.replace(/\?.*/, ''),
      href.replace(oid, 'f'.repeat(64)),
    ])
      expect((await fetch(bad)).status).toBe(403)
  })

  test('that the Hub refuses is refused in its words', async () => {
    await using gateway = await openTestGateway({ repos, users })
    await batch(gateway, 'hf_in', [oidOf(gateway)])
    const answer = await batch(gateway, 'hf_out', [oidOf(gateway)])
    expect([answer.status, answer.headers.get('x-error-code')]).toEqual([404, 'RepoNotFound'])
  })
})

test('a ticket is good for its object, for its time, and for no guess', () => {
  let now = 0
  const tickets = new LfsTickets(() => now)
  const oid = parseOid('a'.repeat(64)) as Sha256
  const repo = { type: 'model', id: 'org/data' } as const
  const number = tickets.issue({ repo, oid, size, href: 'https://cdn/x', headers: {} }, 1_000)
  expect(tickets.find(number, oid)?.href).toBe('https://cdn/x')
  expect(tickets.find(number, 'b'.repeat(64))).toBeUndefined()
  expect(tickets.find(number.slice(1), oid)).toBeUndefined()
  now = 1_000
  expect(tickets.find(number, oid)).toBeUndefined()
})
