import { Bitmap } from '../../blob/bitmap.ts'
import type { Oid } from '../../blob/oid.ts'
import { pieceCountOf, pieceSizeOf } from '../../blob/pieces.ts'
import { decodePeer, encodePeer, isPeerId, type PeerId, type PeerInfo } from './peer-info.ts'
import { WireReader } from './wire-reader.ts'

/** How busy a peer is: uploads under way and how many it allows. */
export interface PeerLoad {
  readonly active: number
  readonly limit: number
}

/** What a peer has of a blob. */
export interface BlobPieces {
  readonly size: number
  /** Pieces that it has verified and serves. */
  readonly pieces: Bitmap
  /** Pieces that it is fetching from the Hub. */
  readonly fetching: readonly number[]
  /** The sha256 of each piece for which it has computed one. Entries are only added; where one must change, a new map comes. */
  readonly digests: ReadonlyMap<number, string>
  /** True while the peer takes its share of the missing pieces from the Hub: it can own pieces. */
  readonly asksHub: boolean
}

/** The first message of a pieces stream, and the whole response to a plain request: everything. */
export interface PiecesDocument {
  readonly type: 'document'
  readonly oid: Oid
  readonly peer: PeerId
  readonly load: PeerLoad
  /** Others that want or have this blob. */
  readonly members: readonly PeerInfo[]
  /** Undefined when the peer has nothing of the blob and only introduces peers that want it. */
  readonly blob: BlobPieces | undefined
}

/** What changed since the message before. */
export interface PiecesDelta {
  readonly type: 'delta'
  readonly have: readonly number[]
  /** Pieces that the peer had and no longer serves: they were found to be wrong, or evicted. */
  readonly lost: readonly number[]
  /** The whole set of pieces being fetched, when it changed. */
  readonly fetching: readonly number[] | undefined
  readonly digests: ReadonlyMap<number, string>
  /** Defined when it changed. */
  readonly asksHub: boolean | undefined
  readonly members: readonly PeerInfo[]
  readonly load: PeerLoad | undefined
  /** The peer is about to end. */
  readonly isLeaving: boolean
}

export type PiecesMessage = PiecesDocument | PiecesDelta

/** The longest line that is read from a peer, in bytes. */
export const MAX_LINE = 2 ** 21
/** How many entries one message holds; what is beyond goes into the next one. */
export const MAX_INDICES = 8192
export const MAX_DIGESTS = 8192
export const MAX_MEMBERS = 64
const MAX_BLOB_SIZE = 2 ** 44
const MAX_LOAD = 1_000_000
const digestPattern = /^[0-9a-f]{64}$/

/** One NDJSON line, its newline included. */
export function encodeMessage(message: PiecesMessage): string {
  return `${JSON.stringify(message.type === 'document' ? documentFields(message) : deltaFields(message))}\n`
}

function documentFields({ oid, peer, load, members, blob }: PiecesDocument): Record<string, unknown> {
  return {
    v: 1,
    oid,
    peer,
    load,
    ...(members.length > 0 && { members: members.map(encodePeer) }),
    ...(blob && {
      size: blob.size,
      pieceSize: pieceSizeOf(blob.size),
      complete: blob.pieces.isFull,
      have: blob.pieces.isFull ? 'all' : blob.pieces.toBase64(),
      fetching: blob.fetching,
      digests: Object.fromEntries(blob.digests),
      asksHub: blob.asksHub,
    }),
  }
}

function deltaFields(delta: PiecesDelta): Record<string, unknown> {
  return {
    ...(delta.have.length > 0 && { have: delta.have }),
    ...(delta.lost.length > 0 && { lost: delta.lost }),
    ...(delta.fetching && { fetching: delta.fetching }),
    ...(delta.digests.size > 0 && { digests: Object.fromEntries(delta.digests) }),
    ...(delta.asksHub !== undefined && { asksHub: delta.asksHub }),
    ...(delta.members.length > 0 && { members: delta.members.map(encodePeer) }),
    ...(delta.load && { load: delta.load }),
    ...(delta.isLeaving && { bye: true }),
  }
}

/** Reads the messages of one pieces stream, in order; everything that a peer could get wrong is checked here. */
export class PiecesDecoder {
  readonly #oid: Oid
  readonly #sender: string
  #size: number | undefined
  #pieceCount = 0
  #isFirst = true

  /** `sender` is named in errors; `size` is what the Hub said of the blob, if it was asked. */
  constructor(oid: Oid, sender: string, options: { readonly size?: number | undefined } = {}) {
    this.#oid = oid
    this.#sender = sender
    this.#size = options.size
  }

  /** Throws `bad-response`, naming the sender. */
  decode(line: string): PiecesMessage {
    const reader = WireReader.parse(line, this.#sender, MAX_LINE)
    if (this.#isFirst || reader.has('v')) return this.#document(reader)
    return this.#delta(reader)
  }

  #document(reader: WireReader): PiecesDocument {
    reader.integer('v', 1, 1)
    if (reader.value('oid') !== this.#oid) reader.fail('pieces of another blob')
    const peer = reader.text('peer', /./)
    if (!isPeerId(peer)) reader.fail(`a bad 'peer'`)
    const blob = reader.has('size') ? this.#blob(reader) : undefined
    this.#isFirst = false
    return {
      type: 'document',
      oid: this.#oid,
      peer,
      load: decodeLoad(reader.object('load')),
      members: this.#members(reader),
      blob,
    }
  }

  #blob(reader: WireReader): BlobPieces {
    const size = reader.integer('size', 0, MAX_BLOB_SIZE)
    if (this.#size !== undefined && size !== this.#size)
      reader.fail(`a size of ${size} bytes where ${this.#size} is right`)
    this.#size = size
    if (reader.value('pieceSize') !== pieceSizeOf(size)) reader.fail(`a bad 'pieceSize'`)
    this.#pieceCount = pieceCountOf(size)
    return {
      size,
      pieces: this.#bitmap(reader),
      fetching: this.#indices(reader, 'fetching'),
      digests: this.#digests(reader),
      asksHub: reader.flag('asksHub'),
    }
  }

  #bitmap(reader: WireReader): Bitmap {
    const have = reader.value('have')
    if (have === 'all') {
      const full = new Bitmap(this.#pieceCount)
      full.addAll()
      return full
    }
    const bitmap = typeof have === 'string' ? Bitmap.fromBase64(have, this.#pieceCount) : undefined
    return bitmap ?? reader.fail(`a bad 'have'`)
  }

  #delta(reader: WireReader): PiecesDelta {
    return {
      type: 'delta',
      have: this.#indices(reader, 'have'),
      lost: this.#indices(reader, 'lost'),
      fetching: reader.has('fetching') ? this.#indices(reader, 'fetching') : undefined,
      digests: this.#digests(reader),
      asksHub: reader.has('asksHub') ? reader.flag('asksHub') : undefined,
      members: this.#members(reader),
      load: reader.has('load') ? decodeLoad(reader.object('load')) : undefined,
      isLeaving: reader.flag('bye'),
    }
  }

  #indices(reader: WireReader, key: string): readonly number[] {
    return reader.list(key, MAX_INDICES).map((index) => {
      if (typeof index !== 'number' || !this.#isPiece(index)) reader.fail(`a bad '${key}'`)
      return index
    })
  }

  #digests(reader: WireReader): ReadonlyMap<number, string> {
    return reader.has('digests') ? decodeDigests(reader.object('digests'), this.#pieceCount) : new Map()
  }

  #members(reader: WireReader): readonly PeerInfo[] {
    return reader.list('members', MAX_MEMBERS).map((member) => decodePeer(member, this.#sender))
  }

  #isPiece(index: number): boolean {
    return Number.isInteger(index) && index >= 0 && index < this.#pieceCount
  }
}

/** Checks an object of piece digests, keyed by piece number. */
export function decodeDigests(reader: WireReader, pieceCount: number): ReadonlyMap<number, string> {
  const digests = new Map<number, string>()
  for (const key of reader.keys(MAX_DIGESTS)) {
    const index = Number(key)
    if (!/^(?:0|[1-9]\d{0,7})$/.test(key) || index >= pieceCount)
      reader.fail(`a digest for piece '${key.slice(0, 20)}'`)
    digests.set(index, reader.text(key, digestPattern))
  }
  return digests
}

function decodeLoad(reader: WireReader): PeerLoad {
  return { active: reader.integer('active', 0, MAX_LOAD), limit: reader.integer('limit', 0, MAX_LOAD) }
}

/** The header that tells a peer's load with every reply, `active/limit`. */
export const LOAD_HEADER = 'x-dfhf-load'

export function toLoadHeader(load: PeerLoad): string {
  return `${load.active}/${load.limit}`
}

/** Reads a load header; undefined for anything that is not one. */
export function fromLoadHeader(header: string | null | undefined): PeerLoad | undefined {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(header ?? '')
  return match ? { active: Number(match[1]), limit: Number(match[2]) } : undefined
}
