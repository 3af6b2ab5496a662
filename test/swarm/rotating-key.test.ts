import { describe, expect, test } from 'bun:test'
import { createClusterKey, signRequest } from '../../src/swarm/trust/cluster-key.ts'
import { RequestVerifier } from '../../src/swarm/trust/request-verifier.ts'
import { RotatingKey } from '../../src/swarm/trust/rotating-key.ts'
import { peerId } from './samples.ts'

const first = createClusterKey('first key of a cluster')
const second = createClusterKey('second key of a cluster')
const third = createClusterKey('third key of a cluster')
const request = { method: 'GET', target: '/v1/peers', range: undefined, contact: undefined }
const at = 'http://10.0.0.1:65002'
const minute = 60_000

/** A peer whose clock the test moves. */
function peerWith(clock: { now: number }) {
  const key = new RotatingKey(first, () => clock.now)
  const verifier = new RequestVerifier({
    key,
    selfId: peerId(0),
    isOwnAddress: () => true,
    now: () => clock.now,
  })
  return {
    key,
    hears: (other: RotatingKey) => {
      const header = signRequest(other, request, { to: '*', at, now: clock.now })
      return verifier.refusalOf(request, header, { needsRecipient: false, from: '10.0.0.9' }) ?? 'heard'
    },
  }
}

describe('a cluster whose holders get a new key at different moments', () => {
  test('understands one another all the time', () => {
    const clock = { now: 0 }
    const [early, late] = [peerWith(clock), peerWith(clock)]
    const expectTalk = () => {
      expect([early.hears(late.key), late.hears(early.key)]).toEqual(['heard', 'heard'])
      for (const [one, other] of [
        [early, late],
        [late, early],
      ] as const)
        expect(one.key.accepted().map(({ fingerprint }) => fingerprint)).toContain(other.key.fingerprint)
    }
    expectTalk()
    early.key.turnTo(second)
    for (; clock.now < 2 * minute; clock.now += 10_000) expectTalk()
    late.key.turnTo(second)
    for (; clock.now < 12 * minute; clock.now += 10_000) expectTalk()
    expect([early.key.fingerprint, late.key.fingerprint]).toEqual([second.fingerprint, second.fingerprint])
  })

  test('refuses the old key in the end, and the new one before it came', () => {
    const clock = { now: 0 }
    const { key, hears } = peerWith(clock)
    const [old, next] = [new RotatingKey(first), new RotatingKey(second)]
    expect([hears(old), hears(next)]).toEqual(['heard', 'signed with another key'])
    key.turnTo(second)
    expect([hears(old), hears(next)]).toEqual(['heard', 'heard'])
    clock.now = 6 * minute - 1
    expect([hears(old), hears(next)]).toEqual(['heard', 'heard'])
    clock.now = 6 * minute
    expect([hears(old), hears(next)]).toEqual(['signed with another key', 'heard'])
    expect(key.accepted()).toEqual([second])
  })

  test('goes on with the key that it signs with, also where the next one comes before the last was in use', () => {
    const clock = { now: 0 }
    const { key } = peerWith(clock)
    key.turnTo(second)
    clock.now = minute
    key.turnTo(third)
    expect(key.accepted()).toEqual([first, third])
    clock.now = 2 * minute
    key.turnTo(first)
    expect(key.accepted()).toEqual([first])
    clock.now = 20 * minute
    expect([key.fingerprint, key.accepted()]).toEqual([first.fingerprint, [first]])
  })

  test('does not begin anew where the file was written again with the same key', () => {
    const clock = { now: 0 }
    const { key } = peerWith(clock)
    key.turnTo(second)
    clock.now = 7 * minute
    key.turnTo(createClusterKey('second key of a cluster'))
    expect(key.accepted()).toEqual([second])
  })
})
