import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { hubMembers, Ownership, score, startPiece } from '../../src/schedule/ownership.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'

const oid = sampleOid()
const ids = fc.uniqueArray(fc.stringMatching(/^[0-9a-f]{16}$/), { minLength: 1, maxLength: 20 })

describe('ownership', () => {
  test('gives the scores that every release and platform must give', () => {
    const zero = sampleOid('x')
    expect([score('0000000000000000', zero, 0), score('ffffffffffffffff', zero, 1023)]).toEqual([
      7476156613263567, 4363911298030354,
    ])
  })

  test('does not depend on the order of the members', () => {
    fc.assert(
      fc.property(ids, fc.nat(5000), (members, piece) => {
        const shuffled = [...members].reverse()
        expect(new Ownership(oid, shuffled).rank(piece)).toEqual(new Ownership(oid, members).rank(piece))
      }),
    )
  })

  test('ranks the owner first, and every member once', () => {
    fc.assert(
      fc.property(ids, fc.nat(5000), (members, piece) => {
        const ownership = new Ownership(oid, [...members, ...members])
        const rank = ownership.rank(piece)
        expect(rank[0]).toBe(ownership.ownerOf(piece))
        expect([...rank].sort()).toEqual([...members].sort())
      }),
    )
  })

  test('moves only the pieces of a member that leaves', () => {
    fc.assert(
      fc.property(ids, fc.nat(5000), (members, piece) => {
        const [gone, ...left] = members
        const before = new Ownership(oid, members)
        const owner = before.ownerOf(piece)
        const expected = owner === gone ? before.rank(piece)[1] : owner
        expect(new Ownership(oid, left).ownerOf(piece)).toBe(expected)
      }),
    )
  })

  test('spreads the pieces of a blob evenly', () => {
    const members = Array.from({ length: 50 }, (_, n) => peerId(n))
    const ownership = new Ownership(oid, members)
    const counts = new Map<string | undefined, number>()
    for (let piece = 0; piece < 50_000; piece += 1) {
      const owner = ownership.ownerOf(piece)
      counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }
    // 1000 expected each; five standard deviations are about 157.
    for (const id of members) expect(Math.abs((counts.get(id) ?? 0) - 1000)).toBeLessThan(160)
  })

  test('has no owner without members', () => {
    expect(new Ownership(oid, []).ownerOf(0)).toBeUndefined()
  })

  test('draws the same bounded set of members for the Hub on every peer, another one for another blob', () => {
    const members = Array.from({ length: 1000 }, (_, n) => peerId(n))
    const drawn = hubMembers(oid, members)
    expect(drawn).toHaveLength(16)
    expect(hubMembers(oid, [...members].reverse())).toEqual(drawn)
    expect(hubMembers(sampleOid('other'), members)).not.toEqual(drawn)
  })

  test('keeps the set of members for the Hub when one outside of it leaves', () => {
    const members = Array.from({ length: 100 }, (_, n) => peerId(n))
    const drawn = hubMembers(oid, members)
    const outsider = members.find((id) => !drawn.includes(id))
    expect(
      hubMembers(
        oid,
        members.filter((id) => id !== outsider),
      ),
    ).toEqual(drawn)
  })

  test('lets peers that start together begin at different pieces of the blob', () => {
    const starts = new Set(Array.from({ length: 8 }, (_, n) => startPiece(peerId(n), oid, 200)))
    expect(starts.size).toBeGreaterThan(5)
    expect(Math.max(...starts)).toBeLessThan(200)
    expect(startPiece(peerId(0), oid, 0)).toBe(0)
  })
})
