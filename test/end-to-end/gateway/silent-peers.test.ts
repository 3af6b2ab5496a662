import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../support/gateway/eventually.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { readAll } from '../../support/hub/content.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { newMachine } from '../../support/program/machine.ts'
import { oidOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 3_000_000
const secret: RepoSpec = {
  id: 'o/secret',
  private: true,
  commits: [{ s: { seed: 'secret', size, lfs: true } }],
}
const users = [{ name: 'in', token: 'hf_in', access: ['o/secret'] }]
const absent = 'a'.repeat(64)

/** What a peer without the key sees of a blob. */
async function seen(node: GatewayNode, oid: string): Promise<readonly unknown[]> {
  const answers: unknown[] = []
  for (const [method, path] of [
    ['GET', `/v1/blobs/${oid}/pieces`],
    ['GET', `/v1/blobs/${oid}`],
    ['HEAD', `/v1/blobs/${oid}`],
    ['GET', `/v1/blobs/${oid}/digests?pieces=0`],
  ] as const) {
    const answer = await fetch(`http://${node.peerAddress}${path}`, { method })
    answers.push([path.replace(oid, ''), answer.status, await answer.text()])
  }
  return answers
}

/** A node whose cache holds a private and a public file, which another tool put there. */
async function withCached(work: (node: GatewayNode, hub: TestHub) => Promise<void>): Promise<void> {
  await using hub = await startTestHub({ repos: [secret, weightsRepo(size)], users })
  using cache = newMachine(hub.url)
  for (const [id, path] of [
    ['o/secret', 's'],
    ['o/r', 'w'],
  ] as const) {
    const folder = join(cache.cache, `models--${id.replace('/', '--')}`)
    for (const name of ['blobs', 'snapshots']) mkdirSync(join(folder, name), { recursive: true })
    const content = hub.repo(id).resolve('main')?.files.get(path)?.content
    writeFileSync(join(folder, 'blobs', oidOf(hub, path, id)), content ? readAll(content) : '')
  }
  await using node = await startNode(hub.url, { seeds: [], env: { HF_HUB_CACHE: cache.cache } })
  await work(node, hub)
}

describe('to a peer without the key', () => {
  test('a private blob looks as one that is not here, before, while and after the Hub says whose it is', () =>
    withCached(async (node, hub) => {
      const slow = hub.addFault({ match: { kind: 'info' }, delayMs: 3_000 })
      const oid = oidOf(hub, 's', 'o/secret')
      expect(await seen(node, oid)).toEqual(await seen(node, absent))
      // Nothing waited for the Hub: its delay would show what is here.
      const answered = hub.requests.filter(({ kind, state }) => kind === 'info' && state !== 'open')
      expect(answered).toEqual([])
      slow.remove()
      await hub.until(() => hub.requests.some(({ kind, state }) => kind === 'info' && state === 'complete'))
      for (let round = 0; round < 3; round += 1)
        expect(await seen(node, oid)).toEqual(await seen(node, absent))
    }))

  test('a public blob is given as soon as the Hub has said that it is public', () =>
    withCached(async (node, hub) => {
      const told = await eventually(
        () => fetch(`http://${node.peerAddress}/v1/blobs/${oidOf(hub)}`),
        ({ status }) => status === 200,
      )
      expect(new Bun.CryptoHasher('sha256').update(await told.bytes()).digest('hex')).toBe(oidOf(hub))
    }))

  test('a private blob looks as one that is not here while it is fetched for a client, and a public one is shared', async () => {
    await using hub = await startTestHub({
      repos: [secret, weightsRepo(size)],
      users,
      rates: { cdn: size / 10 },
    })
    await using node = await startNode(hub.url, { seeds: [] })
    const [hidden, open] = [oidOf(hub, 's', 'o/secret'), oidOf(hub)]
    const headers = { Authorization: 'Bearer hf_in' }
    for (const path of ['/o/secret/resolve/main/s', '/o/r/resolve/main/w'])
      fetch(node.url + path, { headers }).catch(() => {})
    const isHalfway = (oid: string) => {
      const { bodyBytes = 0 } = hub.stats().oids[oid] ?? {}
      return bodyBytes > 0 && bodyBytes < size
    }
    await hub.until(() => isHalfway(hidden) && isHalfway(open))
    await eventually(
      () => fetch(`http://${node.peerAddress}/v1/blobs/${open}/pieces`),
      ({ status }) => status === 200,
    )
    expect(await seen(node, hidden)).toEqual(await seen(node, absent))
    expect([isHalfway(hidden), isHalfway(open)]).toEqual([true, true])
  })

  test('a public blob that stands in a private repo as well is not given', async () => {
    await using hub = await startTestHub({
      repos: [secret, { id: 'o/copy', commits: secret.commits }],
      users,
    })
    await using node = await startNode(hub.url, { seeds: [] })
    for (const [id, token] of [
      ['o/secret', 'hf_in'],
      ['o/copy', undefined],
    ] as const) {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
      await (await fetch(`${node.url}/${id}/resolve/main/s`, { headers })).bytes()
    }
    const asked = () =>
      hub.requests.filter(({ kind, state }) => kind === 'info' && state === 'complete').length
    const oid = oidOf(hub, 's', 'o/secret')
    await seen(node, oid)
    await hub.until(() => asked() >= 2)
    expect(await seen(node, oid)).toEqual(await seen(node, absent))
  })
})
