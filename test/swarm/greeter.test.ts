import { describe, expect, test } from 'bun:test'
import { Greeter } from '../../src/swarm/membership/greeter.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { peerId, samplePeer } from './samples.ts'

/** A greeter on a network where the given peers answer, and no others. */
function meet(there: readonly PeerInfo[] = []) {
  const members = new Membership({ selfId: peerId(0), clusterFingerprint: undefined, now: () => clock.now })
  const clock = { now: 0 }
  const knocked: string[] = []
  const hanging: (() => void)[] = []
  const isAt = (peer: PeerInfo) =>
    there.some(
      ({ id, port, addresses }) => id === peer.id && port === peer.port && addresses[0] === peer.addresses[0],
    )
  const knock = async (peer: PeerInfo) => {
    knocked.push(`${peer.name} at ${peer.addresses[0]}:${peer.port}`)
    if (peer.name === 'host-13') await new Promise<void>((resolve) => hanging.push(resolve))
    if (!isAt(peer)) {
      members.failed(peer.id, { host: peer.addresses[0] ?? '', port: peer.port })
      throw new Error('refused')
    }
    members.heard(peer, 'direct')
    members.preferAddress(peer.id, peer.addresses[0] ?? '')
  }
  const { signal } = new AbortController()
  const greeter = new Greeter({ membership: members, knock, signal, now: () => clock.now })
  return { greeter, members, clock, knocked, release: () => hanging.splice(0).forEach((end) => void end()) }
}

describe('a greeter', () => {
  test('knows a peer once it answers where it asks from, and asks it once', async () => {
    const peer = samplePeer(1)
    const { greeter, members, knocked } = meet([peer])
    expect(await Promise.all([greeter.greet(peer), greeter.greet(peer)])).toEqual([true, true])
    expect(await greeter.greet(peer)).toBe(true)
    expect(members.live()).toEqual([peer])
    expect(knocked).toEqual(['host-1 at 10.0.0.1:65002'])
  })

  test('tells no peer of one that does not answer', async () => {
    const { greeter, members } = meet()
    expect(await greeter.greet(samplePeer(1))).toBe(false)
    expect(members.live()).toEqual([])
  })

  test('keeps a known peer where it answers, whatever another host says', async () => {
    const [honest, thief] = [samplePeer(1), samplePeer(1, { addresses: ['10.6.6.6'], port: 7001 })]
    const { greeter, members, knocked } = meet([honest, thief])
    await greeter.greet(honest)
    expect(await greeter.greet(thief)).toBe(false)
    expect(members.get(honest.id)).toEqual(honest)
    expect(knocked).toEqual(['host-1 at 10.0.0.1:65002', 'host-1 at 10.0.0.1:65002'])
  })

  test('follows a peer that moved', async () => {
    const [before, after] = [samplePeer(1), samplePeer(1, { addresses: ['10.0.0.9'] })]
    const { greeter, members } = meet([after])
    members.heard(before, 'direct')
    members.preferAddress(before.id, '10.0.0.1')
    expect(await greeter.greet(after)).toBe(true)
    expect(members.get(before.id)?.addresses[0]).toBe('10.0.0.9')
  })

  test('asks a bounded number of peers of one sender at once', async () => {
    const { greeter, knocked, release } = meet()
    const strangers = Array.from({ length: 100 }, (_, n) =>
      samplePeer(n + 100, { name: 'host-13', addresses: ['10.6.6.6'], port: n + 1 }),
    )
    const greetings = strangers.map((stranger) => greeter.greet(stranger))
    // Everything under way is promises; a macrotask comes after all of them.
    await new Promise((resolve) => setImmediate(resolve))
    expect(knocked).toHaveLength(8)
    release()
    expect((await Promise.all(greetings)).some(Boolean)).toBe(false)
  })

  test('asks a sender of failures again only after a while, and others in the meantime', async () => {
    const honest = samplePeer(1)
    const { greeter, knocked, clock } = meet([honest])
    for (let n = 100; n < 200; n += 1) await greeter.greet(samplePeer(n, { addresses: ['10.6.6.6'] }))
    expect(knocked).toHaveLength(16)
    expect(await greeter.greet(honest)).toBe(true)
    clock.now = 10_000
    await greeter.greet(samplePeer(300, { addresses: ['10.6.6.6'] }))
    expect(knocked).toHaveLength(18)
  })
})
