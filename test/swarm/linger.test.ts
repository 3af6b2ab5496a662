import { describe, expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { type Holder, isNeeded, staysUntil } from '../../src/swarm/client/linger.ts'
import { peerId, sampleOid } from './samples.ts'

const oid = sampleOid()

function holder(n: number, pieces: readonly number[] | 'all', stays = false): Holder {
  const have = new Bitmap(4)
  if (pieces === 'all') have.addAll()
  else for (const piece of pieces) have.add(piece)
  return { id: peerId(n), stays, have }
}

describe('a process that has the whole blob', () => {
  test('leaves when every other peer has it too, or none is there', () => {
    expect(isNeeded(oid, peerId(0), [])).toBe(false)
    expect(isNeeded(oid, peerId(0), [holder(1, 'all'), holder(2, 'all')])).toBe(false)
  })

  test('stays while it alone has a piece that another peer lacks', () => {
    expect(isNeeded(oid, peerId(0), [holder(1, [0, 1]), holder(2, [2])])).toBe(true)
  })

  test('leaves those that have all pieces between them to help each other', () => {
    expect(isNeeded(oid, peerId(0), [holder(1, [0, 1]), holder(2, [2, 3])])).toBe(false)
  })

  test('stays for the last one if it ranks among the first three that are done, and leaves otherwise', () => {
    const done = Array.from({ length: 9 }, (_, n) => n)
    const staying = done.filter((self) => {
      const others = done.filter((n) => n !== self).map((n) => holder(n, 'all'))
      return isNeeded(oid, peerId(self), [...others, holder(99, [0])])
    })
    expect(staying).toHaveLength(3)
  })

  test('need not stay where daemons have the blob', () => {
    const daemons = [1, 2, 3].map((n) => holder(n, 'all', true))
    expect(isNeeded(oid, peerId(0), [...daemons, holder(9, [])])).toBe(false)
  })
})

describe('a process whose downloads have ended at 60 s', () => {
  const until = (what: { askedAt?: number; startedAt?: number; hasDoubted?: boolean } = {}) =>
    staysUntil({
      startedAt: 20_000,
      endedAt: 60_000,
      askedAt: Number.NEGATIVE_INFINITY,
      hasDoubted: false,
      ...what,
    })

  test('stays a second for peers that take nothing, and a second after the last of them took something', () => {
    expect(until()).toBe(61_000)
    expect(until({ askedAt: 59_000 })).toBe(61_000)
    expect(until({ askedAt: 63_000 })).toBe(64_000)
  })

  test('stays a quarter of its time at the most, however often they take something, and 10 s', () => {
    const asked = { askedAt: 1e9 }
    expect(until({ ...asked, startedAt: 40_000 })).toBe(65_000)
    expect(until({ ...asked, startedAt: 59_900 })).toBe(61_000)
    expect(until({ ...asked, startedAt: 0 })).toBe(70_000)
  })

  test('stays no longer than a second where peers have held it up', () => {
    expect(until({ askedAt: 1e9, startedAt: 0, hasDoubted: true })).toBe(61_000)
  })
})
