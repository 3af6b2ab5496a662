import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../../support/gateway/eventually.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 300_000
/** Public at first. */
const turning = (): RepoSpec => ({ ...weightsRepo(size), id: 'o/turning' })
const users = [{ name: 'in', token: 'hf_in', access: ['o/turning'] }]
const paths = [
  '/o/turning/resolve/main/w',
  '/o/turning/resolve/main/t',
  '/api/models/o/turning/tree/main',
] as const

interface Answer {
  readonly status: number
  readonly isStale: boolean
  readonly length: number
}

async function read(node: GatewayNode, path: string, token?: string): Promise<Answer> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const answer = await fetch(node.url + path, { headers })
  const { length } = await answer.bytes()
  return { status: answer.status, isStale: answer.headers.has('warning'), length }
}

/** A node that was told all of a repo while it was public, and forgets by a restart what it was told a moment ago. */
async function withTold(
  work: (hub: TestHub, node: GatewayNode, env: GatewayNode['machine']['env']) => Promise<void>,
): Promise<void> {
  await using hub = await startTestHub({ repos: [turning(), weightsRepo(size)], users })
  await using first = await startNode(hub.url)
  for (const path of paths) expect(await read(first, path)).toMatchObject({ status: 200 })
  first.running.kill('SIGTERM')
  await first.running.result
  await using node = await startNode(hub.url, { env: first.machine.env })
  await work(hub, node, first.machine.env)
}

function turnPrivate(hub: TestHub): void {
  Object.assign(hub.repo('o/turning').spec, { private: true })
}

describe('a repo that turned private', () => {
  test('is not told from before because the Hub failed at something else', () =>
    withTold(async (hub, node) => {
      turnPrivate(hub)
      hub.addFault({ match: { target: 'o/r/' }, status: 500 })
      for (const path of paths) {
        expect((await read(node, '/o/r/resolve/main/w')).status).toBeGreaterThanOrEqual(500)
        expect(await read(node, path)).toMatchObject({ status: 401, isStale: false })
      }
    }))

  test('is not told from before where its own question fails and the Hub can still say that it is private', () =>
    withTold(async (hub, node) => {
      turnPrivate(hub)
      hub.addFault({ match: { target: 'resolve/|/tree/' }, status: 500 })
      for (const path of paths) {
        const answer = await read(node, path)
        expect([path, answer.status >= 400, answer.isStale]).toEqual([path, true, false])
      }
    }))

  for (const refused of [paths[0], paths[2]])
    test(`is never told from before after a refusal on ${refused}, also when the Hub is down then`, () =>
      withTold(async (hub, node) => {
        turnPrivate(hub)
        expect((await read(node, refused)).status).toBe(401)
        hub.stop('hub')
        for (const path of paths) {
          const answer = await read(node, path)
          expect([path, answer.status >= 400, answer.isStale]).toEqual([path, true, false])
        }
      }))

  /** Has one with a token told a file that came since, and waits until the node has asked what others may know. */
  async function tellSince(hub: TestHub, node: GatewayNode): Promise<string> {
    expect((await read(node, paths[1])).status).toBe(200)
    turnPrivate(hub)
    const commit = hub.repo('o/turning').commit({ t: 'secret text\n' })
    const path = `/o/turning/resolve/${commit.id}/t`
    const asked = hub.stats().kinds.info?.requests ?? 0
    expect(await read(node, path, 'hf_in')).toMatchObject({ status: 200, length: 12 })
    expect((await read(node, '/api/models/o/turning', 'hf_in')).status).toBe(200)
    await hub.until(({ kinds }) => (kinds.info?.requests ?? 0) > asked)
    return path
  }

  test('is not told from what one with a token was told since', () =>
    withTold(async (hub, node) => {
      const path = await tellSince(hub, node)
      hub.stop('hub')
      const answer = await read(node, path)
      expect([answer.status >= 400, answer.isStale]).toEqual([true, false])
    }))

  test('is not told from that by a node that has forgotten that it is private', () =>
    withTold(async (hub, node, env) => {
      const path = await tellSince(hub, node)
      await read(node, '/o/r/resolve/main/t')
      node.running.kill('SIGTERM')
      await node.running.result
      hub.stop('hub')
      await using again = await startNode(hub.url, { env })
      expect(await read(again, '/o/r/resolve/main/t')).toMatchObject({ status: 200, isStale: true })
      const answer = await read(again, path)
      expect([answer.status >= 400, answer.isStale]).toEqual([true, false])
    }))

  test('that is public again is told from before again', () =>
    withTold(async (hub, node) => {
      turnPrivate(hub)
      expect((await read(node, paths[1])).status).toBe(401)
      Object.assign(hub.repo('o/turning').spec, { private: false })
      // Another revision of the same: the refusal counts for a moment.
      const commit = hub.repo('o/turning').resolve('main')?.id
      const path = `/api/models/o/turning/tree/${commit}`
      expect((await read(node, path)).status).toBe(200)
      hub.stop('hub')
      const told = await eventually(
        () => read(node, path),
        ({ isStale }) => isStale,
      )
      expect(told.status).toBe(200)
    }))
})

describe('a public repo', () => {
  test('is asked for anew while the Hub fails at something else', () =>
    withTold(async (hub, node) => {
      hub.addFault({ match: { target: 'o/r/' }, status: 500 })
      hub.repo('o/turning').commit({ w: { seed: 'new', size, lfs: true }, t: 'a newer text\n' })
      await read(node, '/o/r/resolve/main/w')
      expect(await read(node, paths[1])).toEqual({ status: 200, isStale: false, length: 13 })
    }))

  test('is told from before where its own question fails, and its neighbour is told anew', () =>
    withTold(async (hub, node) => {
      hub.addFault({ match: { target: 'resolve/main/w' }, status: 500 })
      expect(await read(node, paths[0])).toEqual({ status: 200, isStale: true, length: size })
      expect(await read(node, paths[1])).toEqual({ status: 200, isStale: false, length: 5 })
    }))
})
