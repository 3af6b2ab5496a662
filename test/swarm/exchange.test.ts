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

/** Many nodes that ask each other without a network, on one clock. */
class World {
  clock = 0
  asked = 0
  readonly nodes = new Map<string, Node>()
  readonly #random = seededRandom(11)
  #beats: (() => void)[] = []

  add(n: number): Node {
    const self = samplePeer(n)
    const members = new Membership({ selfId: self.id, clusterFingerprint: undefined, now: () => this.clock })
    const exchange = new PeerExchange({
      membership: members,
      selfId: self.id,
      random: this.#random,
      wait: () => new Promise((resolve) => this.#beats.push(resolve)),
      listPeers: async (target) => {
        this.asked += 1
        const node = 'id' in target ? this.nodes.get(target.id) : undefined
        if (!node) throw new Error('refused')
        node.members.heard(self, 'direct')
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
    this.clock += 5000
    for (const end of this.#beats.splice(0)) end()
    // Everything under way is promises; a macrotask comes after all of them.
    await new Promise((resolve) => setImmediate(resolve))
  }

  kill(n: number): void {
    this.nodes.get(peerId(n))?.stop.abort()
    this.nodes.delete(peerId(n))
  }

  stop(): void {
    for (const { stop } of this.nodes.values()) stop.abort()
    for (const end of this.#beats.splice(0)) end()
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
