import type { Bitmap } from '../../blob/bitmap.ts'
import type { PeerLoad, PiecesMessage } from '../protocol/peer-wire.ts'

/** What one peer has of a blob, by its messages so far. */
export class RemotePieces {
  size: number | undefined
  pieces: Bitmap | undefined
  fetching: readonly number[] = []
  readonly digests = new Map<number, string>()
  asksHub = false
  load: PeerLoad | undefined
  /** True once the peer said that it ends. */
  isLeaving = false

  /** Takes in the next message; the messages of one stream must come in order. */
  apply(message: PiecesMessage): void {
    this.load = message.load ?? this.load
    if (message.type === 'document') {
      this.size = message.blob?.size
      this.pieces = message.blob?.pieces
      this.fetching = message.blob?.fetching ?? []
      this.asksHub = message.blob?.asksHub ?? false
      this.digests.clear()
      this.#addDigests(message.blob?.digests)
      return
    }
    for (const index of message.have) this.pieces?.add(index)
    for (const index of message.lost) {
      this.pieces?.delete(index)
      this.digests.delete(index)
    }
    this.fetching = message.fetching ?? this.fetching
    this.asksHub = message.asksHub ?? this.asksHub
    this.#addDigests(message.digests)
    this.isLeaving ||= message.isLeaving
  }

  #addDigests(digests: ReadonlyMap<number, string> | undefined): void {
    for (const [index, digest] of digests ?? []) this.digests.set(index, digest)
  }
}
