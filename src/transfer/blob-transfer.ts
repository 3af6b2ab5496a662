import { Bitmap } from '../blob/bitmap.ts'
import { pieceCountOf } from '../blob/pieces.ts'
import { TICK_MS } from '../schedule/tuning.ts'
import { PieceFetch } from './piece-fetch.ts'
import { PieceRepair } from './piece-repair.ts'
import { PrefixCheck } from './prefix-check.ts'
import { TransferCounters } from './transfer-counters.ts'
import type { TransferCost, TransferParts } from './transfer-parts.ts'
import { TransferState } from './transfer-state.ts'
import { LandedPieces } from './writing/landed-pieces.ts'
import type { PieceWriters } from './writing/piece-writers.ts'

/**
 * Brings one blob whole and checked into its file: has its pieces fetched, checks the whole, and has wrong pieces
 * repaired. What reads or serves the blob meanwhile subscribes to its pieces.
 */
export class BlobTransfer {
  readonly parts: TransferParts
  readonly counters: TransferCounters
  readonly #state: TransferState
  readonly #fetch: PieceFetch
  readonly #now: () => number
  readonly #startedAt: number

  constructor(parts: TransferParts) {
    const now = parts.clock ?? (() => performance.now())
    this.parts = parts
    this.counters = new TransferCounters(parts.id, parts.report)
    const have = new Bitmap(pieceCountOf(parts.size))
    for (const piece of parts.file.pieces) have.add(piece)
    this.#state = new TransferState(new LandedPieces(have))
    this.#fetch = new PieceFetch({ ...parts, state: this.#state, counters: this.counters, now })
    this.#now = now
    this.#startedAt = now()
  }

  /** Pieces that may be read and served. */
  get pieces(): LandedPieces {
    return this.#state.pieces
  }

  /** The only way into the file. */
  get writers(): PieceWriters {
    return this.#fetch.writers
  }

  /** Pieces on their way from the Hub, as others are told. */
  get fetchingFromHub(): readonly number[] {
    return this.#fetch.fromHub
  }

  /** True while this process takes its share of the missing pieces from the Hub. */
  get asksHub(): boolean {
    return !this.#fetch.gate.isGone && !this.pieces.isFull
  }

  /** True where a peer says that it has the piece. */
  isAtPeer(peerId: string, piece: number): boolean {
    return this.#fetch.isAtPeer(peerId, piece)
  }

  /** True once the Hub was asked because peers brought too little. */
  get hasDoubted(): boolean {
    return this.#fetch.hasDoubted
  }

  /** Fetches first what lies at and behind `piece`, because a client reads there. */
  moveHead(piece: number): void {
    this.#fetch.moveHead(piece)
  }

  /** Fetches and checks the blob. Throws the first error that cannot be helped; what is verified stays. */
  async run(signal: AbortSignal): Promise<TransferCost> {
    const { pieces, counters } = this
    const fetch = this.#fetch
    const state = this.#state
    const repair = new PieceRepair({
      ...this.parts,
      pieces,
      counters,
      writers: fetch.writers,
      gate: fetch.gate,
      exclude: (peerId) => fetch.exclude(peerId),
      trustHubAlone: () => fetch.trustHubAlone(),
    })
    using check = new PrefixCheck({ ...this.parts, path: this.parts.file.path, pieces })
    const onAbort = () => state.fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const tick = setInterval(() => fetch.tick(), TICK_MS)
    try {
      fetch.enterSwarm()
      signal.throwIfAborted()
      fetch.pump()
      for (;;) {
        await state.untilFull()
        state.enter('checking')
        await fetch.stopWriting()
        if (await check.isRight()) break
        counters.wrong('blob')
        state.enter('repairing')
        await repair.findWrongPieces(AbortSignal.any([signal, state.ended]))
        check.restart()
        fetch.resume()
      }
      await repair.blame()
      const { bytes, retries } = counters
      return { bytes, pieces: pieces.size, retries, ms: this.#now() - this.#startedAt }
    } finally {
      state.end()
      clearInterval(tick)
      signal.removeEventListener('abort', onAbort)
      await fetch.close()
    }
  }
}
