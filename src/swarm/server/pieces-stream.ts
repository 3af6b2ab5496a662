import { delay } from '../../base/delay.ts'
import type { Oid } from '../../blob/oid.ts'
import type { PeerId } from '../protocol/peer-info.ts'
import { encodeMessage, type PeerLoad, type PiecesDelta } from '../protocol/peer-wire.ts'
import { PiecesCursor, type PiecesView } from '../protocol/pieces-cursor.ts'
import type { Asker, BlobShelf, SharedBlob } from './blob-shelf.ts'
import type { InterestedPeers } from './interested-peers.ts'

/** A piece that lands, the next one that is begun and the digest come within this time, in ms: one message tells all. */
export const GATHER_MS = 3

/** So long news that the watcher does not wait for may wait for other news, in ms: each message wakes a process. */
const LAZY_MS = 1_000

export interface PiecesStreamOptions {
  readonly oid: Oid
  readonly selfId: PeerId
  readonly shelf: BlobShelf
  readonly interested: InterestedPeers
  readonly asker: Asker
  /** Resolves to true when others may be told of the asker. */
  readonly greeting: Promise<boolean>
  /** How long the stream may be silent, in milliseconds; then it sends a sign of life. */
  readonly heartbeatMs: number
  readonly load: () => PeerLoad
  /** Called once when the stream ends, from this side or the other. */
  readonly onEnd: () => void
}

/** `closing` until goodbye is said; `ended` when the watcher reads no more. */
type Phase = 'open' | 'closing' | 'ended'

/** What has changed since the last look: something about the blob or its peers, or even whether the blob is on the shelf. */
type News = 'none' | 'change' | 'shelf'

/** One held reply: the pieces document, then each change, as soon as it happens and as fast as the watcher reads. */
export class PiecesStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #options: PiecesStreamOptions
  readonly #cursor: PiecesCursor
  readonly #cleanups: (() => void)[] = []
  #blob: SharedBlob | undefined
  #unsubscribe = () => {}
  #phase: Phase = 'open'
  #news: News = 'shelf'
  #wake = () => {}

  constructor(options: PiecesStreamOptions) {
    const { oid, selfId, shelf } = options
    this.#options = options
    this.#cursor = new PiecesCursor(oid, selfId)
    this.#cleanups.push(
      shelf.onChange(oid, () => this.#notify('shelf')),
      options.onEnd,
    )
    void this.#join()
    this.body = new ReadableStream(
      { pull: (controller) => this.#pull(controller), cancel: () => this.end() },
      { highWaterMark: 1 },
    )
  }

  /** Says goodbye and ends the stream. */
  close(): void {
    if (this.#phase === 'open') this.#phase = 'closing'
    this.#notify()
  }

  /** Ends the stream without a goodbye: the watcher is gone. */
  end(): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    this.#unsubscribe()
    for (const cleanup of this.#cleanups) cleanup()
    this.#notify()
  }

  async #join(): Promise<void> {
    const { oid, asker, interested, greeting } = this.#options
    const isWelcome = await greeting
    if (!isWelcome || !asker.peer || this.#phase === 'ended') return
    this.#cleanups.push(interested.join(oid, asker.peer, () => this.#notify()))
    // Peers that came to watch earlier are named in the next message.
    this.#notify()
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const line = await this.#nextLine()
      if (line !== undefined) controller.enqueue(Buffer.from(line))
      if (this.#phase === 'open') return
      this.end()
      controller.close()
    } catch (error) {
      this.end()
      controller.error(error)
    }
  }

  async #nextLine(): Promise<string | undefined> {
    const { heartbeatMs } = this.#options
    /** When news that the watcher does not wait for is told in any case; undefined while there is none. */
    let dueAt: number | undefined
    while (this.#phase !== 'ended') {
      if (this.#phase === 'closing') return encodeMessage({ ...this.#heartbeat(), isLeaving: true })
      if (this.#news === 'shelf') await this.#find()
      const view = this.#view()
      const now = performance.now()
      const isDue = dueAt === undefined || now >= dueAt
      const message = isDue || this.#isPressing(view) ? this.#cursor.next(view) : undefined
      if (message) return encodeMessage(message)
      if (isDue) dueAt = undefined
      if (await this.#changed(dueAt === undefined ? heartbeatMs : dueAt - now))
        dueAt ??= performance.now() + LAZY_MS
      else if (dueAt === undefined) return encodeMessage(this.#heartbeat())
    }
    return undefined
  }

  async #find(): Promise<void> {
    this.#news = 'none'
    const blob = await this.#options.shelf.find(this.#options.oid, this.#options.asker)
    if (blob === this.#blob) return
    this.#unsubscribe()
    this.#blob = blob
    this.#unsubscribe = blob?.subscribe(() => this.#notify()) ?? (() => {})
    if (this.#phase === 'ended') this.#unsubscribe()
  }

  #isPressing(view: PiecesView): boolean {
    const { id } = this.#options.asker.peer ?? {}
    const isThere = (piece: number) => id !== undefined && (this.#blob?.isAtPeer?.(id, piece) ?? false)
    return this.#cursor.isPressing(view, isThere)
  }

  #view(): PiecesView {
    const { oid, interested, asker, load } = this.#options
    return { blob: this.#blob, members: interested.membersOf(oid, asker.peer?.id), load: load() }
  }

  #heartbeat(): PiecesDelta {
    return {
      type: 'delta',
      have: [],
      lost: [],
      fetching: undefined,
      digests: new Map(),
      asksHub: undefined,
      members: [],
      load: this.#options.load(),
      isLeaving: false,
    }
  }

  #notify(news: News = 'change'): void {
    if (this.#news !== 'shelf') this.#news = news
    this.#wake()
  }

  /** Waits for a change; false when the time passed without one. */
  async #changed(limitMs: number): Promise<boolean> {
    if (this.#news === 'none') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    if (this.#news === 'none') return false
    await delay(GATHER_MS)
    if (this.#news === 'change') this.#news = 'none'
    return true
  }
}
