import { Bitmap } from '../../blob/bitmap.ts'
import type { Oid } from '../../blob/oid.ts'
import { pieceCountOf } from '../../blob/pieces.ts'
import type { PeerId, PeerInfo } from './peer-info.ts'
import {
  type BlobPieces,
  MAX_DIGESTS,
  MAX_INDICES,
  MAX_MEMBERS,
  type PeerLoad,
  type PiecesDelta,
  type PiecesDocument,
  type PiecesMessage,
} from './peer-wire.ts'

/** What a watcher may be told now. */
export interface PiecesView {
  readonly blob: BlobPieces | undefined
  readonly members: readonly PeerInfo[]
  readonly load: PeerLoad
}

/** How many members one watcher is told of; its other neighbours tell it of more. */
const MAX_TOLD_MEMBERS = 512

/**
 * What one watcher has been told of a blob. Each call of `next` gives what changed since, however much that
 * is, so that a slow watcher gets one merged message and never a queue.
 */
export class PiecesCursor {
  readonly #oid: Oid
  readonly #peer: PeerId
  #pieces: Bitmap | undefined
  #fetching = ''
  #asksHub = false
  readonly #digests = new Map<number, string>()
  #scanned: ReadonlyMap<number, string> | undefined
  #scannedSize = 0
  readonly #members = new Set<string>()
  #isFirst = true

  constructor(oid: Oid, peer: PeerId) {
    this.#oid = oid
    this.#peer = peer
  }

  /** The message that brings the watcher up to `view`; undefined when it has nothing new to hear. */
  next(view: PiecesView): PiecesMessage | undefined {
    const isNew = view.blob !== undefined && this.#pieces === undefined
    return this.#isFirst || isNew ? this.#document(view) : this.#delta(view)
  }

  /**
   * True where the watcher waits for what `view` has: all but pieces that it has itself and digests. Where `isThere` says
   * that it has a piece, one more place to have it from is worth no message of its own.
   */
  isPressing({ blob, members }: PiecesView, isThere: (piece: number) => boolean): boolean {
    const told = this.#pieces
    if (this.#isFirst || (blob !== undefined && !told)) return true
    if ((blob?.asksHub ?? false) !== this.#asksHub) return true
    if ((blob?.fetching ?? []).join() !== this.#fetching) return true
    for (let index = 0; told && index < told.size; index += 1) {
      const has = blob?.pieces.has(index) ?? false
      if (has !== told.has(index) && !(has && isThere(index))) return true
    }
    return this.#members.size < MAX_TOLD_MEMBERS && members.some(({ id }) => !this.#members.has(id))
  }

  #document({ blob, members, load }: PiecesView): PiecesDocument {
    this.#isFirst = false
    if (blob) {
      this.#pieces = Bitmap.fromBase64(blob.pieces.toBase64(), pieceCountOf(blob.size))
      this.#fetching = blob.fetching.join()
      this.#asksHub = blob.asksHub
    }
    return {
      type: 'document',
      oid: this.#oid,
      peer: this.#peer,
      load,
      members: this.#newMembers(members),
      blob: blob && {
        size: blob.size,
        pieces: blob.pieces,
        fetching: blob.fetching.slice(0, MAX_INDICES),
        digests: this.#newDigests(blob),
        asksHub: blob.asksHub,
      },
    }
  }

  #delta({ blob, members, load }: PiecesView): PiecesDelta | undefined {
    const delta: PiecesDelta = {
      type: 'delta',
      ...this.#changedPieces(blob),
      fetching: this.#changedFetching(blob),
      digests: blob ? this.#newDigests(blob) : new Map(),
      asksHub: this.#changedAsksHub(blob),
      members: this.#newMembers(members),
      load,
      isLeaving: false,
    }
    const size = delta.have.length + delta.lost.length + delta.digests.size + delta.members.length
    return size > 0 || delta.fetching || delta.asksHub !== undefined ? delta : undefined
  }

  /** A blob that went away altogether has lost all its pieces. */
  #changedPieces(blob: BlobPieces | undefined): { have: readonly number[]; lost: readonly number[] } {
    const have: number[] = []
    const lost: number[] = []
    const told = this.#pieces
    for (let index = 0; told && index < told.size; index += 1) {
      const has = blob?.pieces.has(index) ?? false
      if (has === told.has(index)) continue
      const list = has ? have : lost
      if (list.length === MAX_INDICES) break
      list.push(index)
    }
    for (const index of have) told?.add(index)
    for (const index of lost) told?.delete(index)
    for (const index of lost) this.#digests.delete(index)
    return { have, lost }
  }

  #changedFetching(blob: BlobPieces | undefined): readonly number[] | undefined {
    const fetching = blob?.fetching ?? []
    const key = fetching.join()
    if (key === this.#fetching) return undefined
    this.#fetching = key
    return fetching.slice(0, MAX_INDICES)
  }

  #changedAsksHub(blob: BlobPieces | undefined): boolean | undefined {
    const asksHub = blob?.asksHub ?? false
    if (asksHub === this.#asksHub) return undefined
    this.#asksHub = asksHub
    return asksHub
  }

  #newDigests(blob: BlobPieces): ReadonlyMap<number, string> {
    const digests = new Map<number, string>()
    // Most messages have no new digest, and to look through all of them each time would cost too much.
    const isKnown = blob.digests === this.#scanned && blob.digests.size === this.#scannedSize
    if (isKnown) return digests
    let isAll = true
    for (const [index, digest] of blob.digests) {
      if (this.#digests.get(index) === digest) continue
      if (digests.size === MAX_DIGESTS || !blob.pieces.has(index)) {
        isAll = false
        continue
      }
      digests.set(index, digest)
      this.#digests.set(index, digest)
    }
    if (isAll) {
      this.#scanned = blob.digests
      this.#scannedSize = blob.digests.size
    }
    return digests
  }

  #newMembers(members: readonly PeerInfo[]): readonly PeerInfo[] {
    const fresh: PeerInfo[] = []
    for (const member of members) {
      if (fresh.length === MAX_MEMBERS || this.#members.size === MAX_TOLD_MEMBERS) break
      if (this.#members.has(member.id)) continue
      this.#members.add(member.id)
      fresh.push(member)
    }
    return fresh
  }
}
