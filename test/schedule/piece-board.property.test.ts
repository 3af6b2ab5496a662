import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { HUB, type Lease } from '../../src/schedule/piece-board.ts'
import { createBoard } from './board-samples.ts'

const COUNT = 8

/** What may happen to a board; numbers choose leases and pieces among those that there are. */
const anyStep = fc.oneof(
  fc.record({
    type: fc.constant('start' as const),
    start: fc.nat(COUNT - 1),
    length: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    type: fc.constant('shrink' as const),
    which: fc.nat(),
    by: fc.integer({ min: 0, max: COUNT }),
  }),
  fc.record({ type: fc.constantFrom('land' as const, 'end' as const), which: fc.nat() }),
  fc.record({ type: fc.constant('revoke' as const), piece: fc.nat(COUNT - 1) }),
)

test('whatever becomes of leases, a piece counts as on its way as often as leases are to bring it', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const board = createBoard(COUNT)
      const known: Lease[] = []
      for (const step of steps) {
        if (step.type === 'start')
          known.push(board.startLease(HUB, step.start, Math.min(COUNT, step.start + step.length), 0))
        else if (step.type === 'revoke') board.have.delete(step.piece)
        else {
          const lease = known[step.which % Math.max(1, known.length)]
          if (!lease) continue
          // A lease that has landed all of its pieces stands on the board until its connection is closed.
          if (step.type === 'end') board.endLease(lease)
          else if (step.type === 'land' && lease.at < lease.end) board.landPiece(lease)
          else if (step.type === 'shrink' && board.leases.has(lease.id))
            board.shrinkLease(lease, lease.at + step.by)
        }
        for (let piece = 0; piece < COUNT; piece += 1) {
          const bringing = [...board.leases.values()].filter(({ at, end }) => at <= piece && piece < end)
          expect(board.inFlight(piece)).toBe(bringing.length)
        }
      }
    }),
    { numRuns: 500 },
  )
})
