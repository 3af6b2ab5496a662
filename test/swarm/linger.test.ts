import { describe, expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { type Holder, isNeeded } from '../../src/swarm/client/linger.ts'
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
