import { describe, expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { TransferState } from '../../src/transfer/transfer-state.ts'
import { LandedPieces } from '../../src/transfer/writing/landed-pieces.ts'
import { rejection } from './transfer-bench.ts'

const failure = new Error('the disk is full')

/** The state of a transfer of two pieces. */
function stand() {
  const pieces = new Bitmap(2)
  return { pieces, state: new TransferState(new LandedPieces(pieces)) }
}

describe('a transfer', () => {
  test('is full once its last piece is here', async () => {
    const { pieces, state } = stand()
    const full = state.untilFull()
    pieces.add(0)
    state.wake()
    pieces.add(1)
    state.wake()
    await full
    expect(state.phase).toBe('fetching')
  })

  test('that fails is over, and says by what first failed', async () => {
    const { state } = stand()
    const full = state.untilFull()
    state.fail(failure)
    state.fail(new Error('something else'))
    expect(await rejection(full)).toBe(failure)
    expect(state.phase).toBe('over')
    expect(state.ended.aborted).toBe(false)
  })

  test('that fails while all is here is checked all the same', async () => {
    const { pieces, state } = stand()
    pieces.addAll()
    state.fail(failure)
    await state.untilFull()
    state.enter('checking')
    expect(state.phase).toBe('checking')
  })

  test('that its user ends is over though all is here', async () => {
    const { pieces, state } = stand()
    pieces.addAll()
    const abort = AbortSignal.abort()
    state.fail(abort.reason)
    expect(await rejection(state.untilFull())).toBe(abort.reason)
  })

  test.each(['checking', 'repairing'] as const)('that fails while %s fetches nothing more', (phase) => {
    const { state } = stand()
    state.enter(phase)
    state.fail(failure)
    expect(state.phase).toBe(phase)
    state.enter('fetching')
    expect(state.phase).toBe('over')
    state.enter('whole')
    expect(state.phase).toBe('over')
  })

  test('that has ended ends all that runs for it', () => {
    const { state } = stand()
    state.end()
    expect([state.phase, state.ended.aborted]).toEqual(['over', true])
  })
})

describe('what is known of a piece', () => {
  test('is gone with the piece, and all digests with it', () => {
    const bitmap = new Bitmap(2)
    bitmap.addAll()
    const pieces = new LandedPieces(bitmap)
    let changes = 0
    const stop = pieces.subscribe(() => {
      changes += 1
    })
    pieces.note(0, { source: 'peer', isVouchedFor: true, digest: 'a' })
    pieces.note(1, { source: 'hub', isVouchedFor: false, digest: 'b' })
    expect([pieces.sourceOf(0), pieces.isVouchedFor(0), pieces.digestOf(0)]).toEqual(['peer', true, 'a'])
    pieces.delete(0)
    pieces.rewritten()
    expect([pieces.has(0), pieces.sourceOf(0), pieces.isVouchedFor(0)]).toEqual([false, undefined, false])
    expect([pieces.sourceOf(1), pieces.digestOf(1), pieces.revision, changes]).toEqual([
      'hub',
      undefined,
      1,
      1,
    ])
    stop()
    pieces.changed()
    expect(changes).toBe(1)
  })
})
