import { describe, expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { PiecesCursor, type PiecesView } from '../../src/swarm/protocol/pieces-cursor.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const MIB = 2 ** 20

/** A cursor that has told of a blob of four pieces, of which none was here. */
function setUp() {
  const blob = {
    size: 4 * MIB,
    pieces: new Bitmap(4),
    fetching: [] as number[],
    digests: new Map<number, string>(),
    asksHub: true,
  }
  const view: PiecesView = { blob, members: [], load: { active: 0, limit: 6 } }
  const cursor = new PiecesCursor(sampleOid(), peerId(0))
  const isPressing = (watcherHas: readonly number[] = [], changed = view) =>
    cursor.isPressing(changed, (piece) => watcherHas.includes(piece))
  return { cursor, view, blob, isPressing }
}

describe('what a watcher waits for', () => {
  test('is the first message, and nothing while nothing changes', () => {
    const { cursor, view, isPressing } = setUp()
    expect(isPressing()).toBe(true)
    cursor.next(view)
    expect(isPressing()).toBe(false)
  })

  test('is a piece that it lacks, and not one that it has or the digest of one', () => {
    const { cursor, view, blob, isPressing } = setUp()
    cursor.next(view)
    blob.pieces.add(1)
    blob.digests.set(1, 'a'.repeat(64))
    expect([isPressing([1]), isPressing([2])]).toEqual([false, true])
    blob.pieces.add(2)
    expect(isPressing([1])).toBe(true)
    expect(cursor.next(view)).toMatchObject({ have: [1, 2] })
    expect(isPressing()).toBe(false)
  })

  test('is a piece that is lost, also where it has it', () => {
    const { cursor, view, blob, isPressing } = setUp()
    blob.pieces.add(1)
    cursor.next(view)
    blob.pieces.delete(1)
    expect(isPressing([1])).toBe(true)
  })

  test('is what is fetched from the Hub, and by whom', () => {
    const { cursor, view, blob, isPressing } = setUp()
    cursor.next(view)
    blob.fetching = [3]
    expect(isPressing()).toBe(true)
    cursor.next(view)
    blob.asksHub = false
    expect(isPressing()).toBe(true)
  })

  test('is another peer that wants the blob', () => {
    const { cursor, view, isPressing } = setUp()
    cursor.next(view)
    expect(isPressing([], { ...view, members: [samplePeer(1)] })).toBe(true)
  })
})
