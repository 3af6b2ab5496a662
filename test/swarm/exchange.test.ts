import { describe, expect, test } from 'bun:test'
import { PeerExchange } from '../../src/swarm/membership/exchange.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { peerId, samplePeer } from './samples.ts'

interface Node {
  readonly self: PeerInfo
  readonly members: Membership
  readonly exchange: PeerExchange
  readonly stop: AbortController
}

/** How a world of nodes that rest is set up. */
const resting = { restHeartbeatMs: 20_000, silenceMs: 180_000 }

/** Many nodes that ask each other without a network, on one clock. */
class World {
  clock = 0
  asked = 0
  readonly nodes = new Map<string, Node>()
  readonly #random = seededRandom(11)
  readonly #options: Partial<typeof resting>
  #beats: { readonly dueAt: number; readonly end: () => void }[] = []

  constructor(options: Partial<typeof resting> = {}) {
    this.#options = options
  }

  add(n: number): Node {
    const self = samplePeer(n)
    const { restHeartbeatMs, ...rest } = this.#options
    const members = new Membership({
      selfId: self.id,
      clusterFingerprint: undefined,
      now: () => this.clock,
      ...rest,
    })
    const exchange = new PeerExchange({
      restHeartbeatMs,
      membership: members,
      selfId: self.id,
      random: this.#random,
      wait: (ms, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve())
          this.#beats.push({ dueAt: this.clock + ms, end: resolve })
        }),
      listPeers: async (target) => {
        this.asked += 1
        const node = 'id' in target ? this.nodes.get(target.id) : undefined
        if (!node) {
          if ('id' in target)
            members.failed(target.id, { host: target.addresses[0] ?? '', port: target.port })
          throw new Error('refused')
        }
        node.members.heard(self, 'direct')
        node.members.preferAddress(self.id, self.addresses[0] ?? '')
        members.preferAddress(node.self.id, node.self.addresses[0] ?? '')
        return { self: node.self, peers: node.members.sample(256, this.#random) }
      },
    })
    const stop = new AbortController()
    const node = { self, members, exchange, stop }
    this.nodes.set(self.id, node)
    void exchange.run(stop.signal)
    return node
  }

  async beat(): Promise<void> {
    await this.pass(5000)
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const until = this.clock + ms
    for (;;) {
      // Everything under way is promises; a macrotask comes after all of them.
      await new Promise((resolve) => setImmediate(resolve))
      const next = Math.min(...this.#beats.map(({ dueAt }) => dueAt))
      this.clock = Math.min(next, until)
      if (next > until) return
      const due = this.#beats.filter(({ dueAt }) => dueAt === next)
      this.#beats = this.#beats.filter(({ dueAt }) => dueAt > next)
      for (const { end } of due) end()
    }
  }

  kill(n: number): void {
    this.nodes.get(peerId(n))?.stop.abort()
    this.nodes.delete(peerId(n))
  }

  stop(): void {
    for (const { stop } of this.nodes.values()) stop.abort()
    for (const { end } of this.#beats.splice(0)) end()
  }
}

describe('peer exchange', () => {
  test('lets all who know one peer know each other within two heartbeats', async () => {
    const world = new World()
    const seed = world.add(0)
    for (let n = 1; n <= 30; n += 1) await world.add(n).exchange.ask(seed.self, AbortSignal.timeout(1000))
    await world.beat()
    await world.beat()
    for (const { members } of world.nodes.values()) expect(members.live()).toHaveLength(30)
    world.stop()
  })

  test('keeps the living and drops the dead everywhere, at a bounded cost', async () => {
    const world = new World()
    const seed = world.add(0)
    for (let n = 1; n <= 60; n += 1) await world.add(n).exchange.ask(seed.self, AbortSignal.timeout(1000))
    for (let beat = 0; beat < 6; beat += 1) await world.beat()
    world.kill(7)
    const before = world.asked
    for (let beat = 0; beat < 6; beat += 1) await world.beat()
    expect((world.asked - before) / 6 / 61).toBeLessThanOrEqual(16)
    for (const { members } of world.nodes.values()) {
      expect(members.get(peerId(7))).toBeUndefined()
      expect(members.live()).toHaveLength(59)
    }
    world.stop()
  })

  test('asks few and seldom at rest, and still knows the living and notices the dead', async () => {
    const world = new World(resting)
    const seed = world.add(0)
    for (let n = 1; n <= 50; n += 1) await world.add(n).exchange.ask(seed.self, AbortSignal.timeout(1000))
    await world.pass(61_000)
    for (let round = 0; round < 30; round += 1) {
      const before = world.asked
      await world.pass(20_000)
      expect(world.asked - before).toBeLessThanOrEqual(4 * 51)
      for (const { members } of world.nodes.values()) expect(members.live()).toHaveLength(50)
    }
    world.kill(7)
    await world.pass(200_000)
    for (const { members } of world.nodes.values()) {
      expect(members.get(peerId(7))).toBeUndefined()
      expect(members.live()).toHaveLength(49)
    }
    world.stop()
  })

  test('asks many at once when a blob is wanted, and rests again a while after', async () => {
    const world = new World(resting)
    const seed = world.add(0)
    for (let n = 1; n <= 30; n += 1) await world.add(n).exchange.ask(seed.self, AbortSignal.timeout(1000))
    await world.pass(75_000)
    const before = world.asked
    const release = seed.exchange.want()
    await world.pass(0)
    expect(world.asked - before).toBe(16)
    world.kill(7)
    await world.pass(20_000)
    expect(seed.members.get(peerId(7))).toBeUndefined()
    release()
    await world.pass(70_000)
    for (let round = 0; round < 5; round += 1) {
      const calm = world.asked
      await world.pass(20_000)
      expect(world.asked - calm).toBeLessThanOrEqual(4 * 30)
    }
    world.stop()
  })

  test('knows itself at an address', async () => {
    const self = samplePeer(0)
    const membership = new Membership({ selfId: self.id, clusterFingerprint: undefined, now: () => 0 })
    const exchange = new PeerExchange({
      membership,
      selfId: self.id,
      listPeers: async () => ({ self, peers: [{ peer: samplePeer(1), ageMs: 0 }] }),
    })
    expect(await exchange.contact({ host: '127.0.0.1', port: 1 }, AbortSignal.timeout(1000))).toBe(false)
    expect(membership.live()).toEqual([])
  })
})
