import { Budget, type BudgetOptions } from '../../base/budget.ts'
import { isAbort } from '../../base/errors.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { Oid } from '../../blob/oid.ts'
import { pieceCountOf } from '../../blob/pieces.ts'
import { UPLOADS, UPLOADS_PER_ADDRESS, WATCHERS, WATCHERS_PER_ADDRESS } from '../../schedule/tuning.ts'
import { OwnAddresses } from '../discovery/own-addresses.ts'
import { HEARTBEAT_MS } from '../membership/membership-options.ts'
import type { HubLimitBoard } from '../protocol/hub-limit-wire.ts'
import {
  encodeKnownPeer,
  encodePeer,
  type KnownPeer,
  limitsInPeerHeader,
  PEER_HEADER,
  type PeerInfo,
  toPeerHeader,
} from '../protocol/peer-info.ts'
import { busy, CROWDED, json, refuse } from '../protocol/peer-reply.ts'
import { type PeerTarget, parsePieceList, parseTarget } from '../protocol/peer-target.ts'
import { encodeMessage, LOAD_HEADER, type PeerLoad, toLoadHeader } from '../protocol/peer-wire.ts'
import { PiecesCursor } from '../protocol/pieces-cursor.ts'
import type { ClusterKey } from '../trust/cluster-key.ts'
import { senderOf } from '../trust/sender-of.ts'
import type { Asker, BlobShelf, SharedBlob } from './blob-shelf.ts'
import { bundleReply } from './bundle-reply.ts'
import { InterestedPeers } from './interested-peers.ts'
import { PiecesStream } from './pieces-stream.ts'
import { type Admitted, rangeReply, type Upload, type UploadContext } from './range-reply.ts'
import { type Admission, RequestAdmission, readContact } from './request-admission.ts'
import { TopAskers } from './top-askers.ts'
import { type Connection, UploadLedger } from './upload-ledger.ts'
import { WatcherCount } from './watcher-count.ts'

/** How many peers one reply to `GET /v1/peers` names. */
export const MAX_PEERS_TOLD = 256
const MAX_DIGEST_REQUESTS = 2
/** Bytes that are hashed for peers: a few hundredths of a core for long, and at once what the repair of a few GB takes. */
const HASHED_BYTES = { perSecond: 2 ** 26, saved: 2 ** 31 }

/** How much this process does for others at once. */
export interface PeerLimits {
  /** Few at once, so that each is quick: a peer that is refused asks another one. @default 6 */
  readonly uploads: number
  /** @default 4 */
  readonly uploadsPerPeer: number
  /** Held pieces streams. @default 1024 */
  readonly watchers: number
  /** @default 64 */
  readonly watchersPerPeer: number
}

/** Where the handler reads which peers to tell of, and notes those that it hears from. */
interface PeerBook {
  sample(limit: number, random: () => number): readonly KnownPeer[]
  heard(peer: PeerInfo, news: 'direct'): boolean
  saidBye(id: string, address: string): void
  isBanned(peer: PeerInfo): boolean
}

export interface PeerHandlerOptions {
  /** This process as it introduces itself; asked anew each time, as the port is known late. */
  readonly self: () => PeerInfo
  readonly shelf: BlobShelf
  readonly peers: PeerBook
  /** Told with each reply, and hears what peers tell with their requests. */
  readonly hubLimits?: HubLimitBoard | undefined
  /** With a key every request but the health check must be signed, and every reply to one is proven and sealed. */
  readonly key?: ClusterKey | undefined
  /** Whether this process is reached at `http://host:port` by a sender. @default its port on this machine's addresses */
  readonly isOwnAddress?: (at: string, from: string) => boolean
  /**
   * Resolves to true once a peer that introduced itself has proven that it answers where it says. Until then no other
   * peer is told of it. @default every peer is believed
   */
  readonly greet?: (peer: PeerInfo) => Promise<boolean>
  readonly limits?: Partial<PeerLimits>
  /** Bytes that are hashed for peers which ask for digests. @default 64 MiB a second, 2 GiB at once */
  readonly hashedBytes?: BudgetOptions
  /** Called when an upload begins. */
  readonly onUpload?: ((upload: Upload) => void) | undefined
  /** Wall-clock milliseconds. @default Date.now */
  readonly now?: () => number
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  readonly log?: Log
}

/** The peer API as a function from request to response; it opens no socket. */
export class PeerHandler {
  readonly #options: PeerHandlerOptions
  readonly #limits: PeerLimits
  readonly #admission: RequestAdmission
  readonly #uploads: UploadLedger
  readonly #watchers: WatcherCount
  readonly #topAskers = new TopAskers()
  readonly #interested = new InterestedPeers()
  readonly #streams = new Set<PiecesStream>()
  readonly #log: Log
  readonly #hashedBytes: Budget
  #digestRequests = 0
  #isClosed = false

  constructor(options: PeerHandlerOptions) {
    const { key, now = Date.now } = options
    this.#options = options
    this.#log = options.log ?? silentLog
    this.#limits = {
      uploads: UPLOADS,
      uploadsPerPeer: UPLOADS_PER_ADDRESS,
      watchers: WATCHERS,
      watchersPerPeer: WATCHERS_PER_ADDRESS,
      ...options.limits,
    }
    this.#admission = new RequestAdmission(
      key && {
        key,
        selfId: options.self().id,
        now,
        isOwnAddress: options.isOwnAddress ?? ownAddresses(options),
      },
    )
    this.#uploads = new UploadLedger({ total: this.#limits.uploads, perPeer: this.#limits.uploadsPerPeer })
    this.#hashedBytes = new Budget(options.hashedBytes ?? HASHED_BYTES)
    this.#watchers = new WatcherCount(this.#limits.watchers, this.#limits.watchersPerPeer)
  }

  /** Uploads under way and allowed; `pending` is the server's count of unfinished requests, where it has one. */
  load(pending?: number): PeerLoad {
    return { active: this.#uploads.active(pending), limit: this.#uploads.limit }
  }

  /** Answers one request; never rejects. */
  async handle(request: Request, connection: Connection): Promise<Response> {
    const admission = this.#admission.check(request, connection)
    let response: Response
    try {
      response = await this.#answer(request, connection, admission)
    } catch (error) {
      if (!isAbort(error)) this.#log.debug(`request of peer ${connection.address} failed: ${String(error)}`)
      response = refuse(500, 'failed')
    }
    response.headers.set(
      PEER_HEADER,
      toPeerHeader(this.#selfFor(admission), this.#options.hubLimits?.limits()),
    )
    response.headers.set(LOAD_HEADER, toLoadHeader(this.load(connection.pending())))
    return this.#admission.prove(admission, request.method, response)
  }

  /** Names this process in a reply, also in one that the server makes of a failure. */
  introduce(response: Response): Response {
    response.headers.set(PEER_HEADER, toPeerHeader(this.#options.self()))
    return response
  }

  /** Says goodbye on every held stream; requests that come later are refused. */
  close(): void {
    this.#isClosed = true
    for (const stream of this.#streams) stream.close()
  }

  async #answer(request: Request, connection: Connection, admission: Admission): Promise<Response> {
    const target = parseTarget(request.url)
    if (!target) return refuse(404, 'nothing of that name here')
    if (!isAllowed(request.method, target)) return refuse(405, 'another method is needed')
    if (this.#isClosed) return refuse(503, 'leaving', { retryAfter: 5 })
    if (target.type === 'health') return json({ ok: true })
    if ('refusal' in admission) return refuse(401, admission.refusal)
    const peer = readContact(request, connection, admission)
    if (peer === 'garbage') return refuse(400, `a bad ${PEER_HEADER} header`)
    if (peer && this.#options.peers.isBanned(peer)) return refuse(403, 'banned')
    if (target.type === 'bye') return this.#bye(peer, connection)
    if (peer) this.#hearLimits(request.headers.get(PEER_HEADER) ?? '')
    const greeting = peer && this.#greet(peer)
    if (!('query' in target)) return this.#peers(admission)
    const asker: Asker = {
      hasKey: 'nonce' in admission,
      address: connection.address,
      peer,
      place: target.type === 'bundle' ? undefined : this.#admission.placeIn(target.query, admission),
    }
    if (target.type === 'bundle') {
      const admitted = { request, connection, asker, ...this.#uploading }
      return bundleReply(this.#options.shelf, target.query, admitted)
    }
    return this.#blob(target, { request, connection, asker }, greeting)
  }

  async #blob(
    target: Extract<PeerTarget, { readonly oid: Oid }>,
    admitted: Admitted,
    greeting: Promise<boolean> | undefined,
  ): Promise<Response> {
    if (target.type === 'pieces' && target.query.get('watch') === '1' && greeting)
      return await this.#watch(target.oid, admitted, greeting)
    const blob = await this.#options.shelf.find(target.oid, admitted.asker)
    if (!blob) return refuse(404, 'not here')
    if (target.type === 'pieces') return this.#pieces(target.oid, blob, admitted)
    if (target.type === 'digests') return this.#digests(target, blob, admitted)
    return rangeReply(target.oid, blob, { ...admitted, ...this.#uploading })
  }

  #hearLimits(header: string): void {
    for (const limit of limitsInPeerHeader(header)) this.#options.hubLimits?.toldOf(limit)
  }

  get #uploading(): UploadContext {
    return { uploads: this.#uploads, onUpload: this.#options.onUpload }
  }

  async #watch(oid: Oid, admitted: Admitted, greeting: Promise<boolean>): Promise<Response> {
    const { request, asker, connection } = admitted
    const isTop = asker.peer !== undefined && this.#topAskers.note(oid, asker.peer.id)
    const leave = this.#watchers.enter(asker.address, isTop)
    if (!leave) {
      const blob = await this.#options.shelf.find(oid, { ...asker, place: undefined })
      return busy(blob?.asksHub ? CROWDED : 'too many watchers')
    }
    const release = this.#uploads.holdOther()
    connection.stayOpen?.()
    const stream = new PiecesStream({
      oid,
      selfId: this.#options.self().id,
      shelf: this.#options.shelf,
      interested: this.#interested,
      asker,
      greeting,
      heartbeatMs: this.#options.heartbeatMs ?? HEARTBEAT_MS,
      load: () => this.load(connection.pending()),
      onEnd: () => {
        leave()
        release()
        this.#streams.delete(stream)
      },
    })
    this.#streams.add(stream)
    request.signal.addEventListener('abort', () => stream.end(), { once: true })
    return new Response(stream.body, { headers: { 'content-type': 'application/x-ndjson' } })
  }

  #pieces(oid: Oid, blob: SharedBlob, { asker, connection }: Admitted): Response {
    const members = this.#interested.membersOf(oid, asker.peer?.id)
    const load = this.load(connection.pending())
    const message = new PiecesCursor(oid, this.#options.self().id).next({ blob, members, load })
    const text = message ? encodeMessage(message) : ''
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }

  async #digests(
    { oid, query }: { readonly oid: Oid; readonly query: URLSearchParams },
    blob: SharedBlob,
    { request, connection }: Admitted,
  ): Promise<Response> {
    const pieces = parsePieceList(query.get('pieces'), pieceCountOf(blob.size))
    if (!pieces) return refuse(400, 'a bad list of pieces')
    if (this.#digestRequests >= MAX_DIGEST_REQUESTS) return busy('computing digests')
    this.#digestRequests += 1
    let waitMs = 0
    const mayHash = (size: number) => {
      waitMs ||= this.#hashedBytes.take(senderOf(connection.address), size)
      return waitMs === 0
    }
    try {
      const digests = await blob.digestsOf(pieces, { mayHash, signal: request.signal })
      if (waitMs > 0 && digests.size === 0) return busy('computed many digests', waitMs)
      return json({ v: 1, oid, digests: Object.fromEntries(digests) })
    } finally {
      this.#digestRequests -= 1
    }
  }

  /** This process as the asker may know it: by the fingerprint of the key that the asker holds. */
  #selfFor(admission: Admission): PeerInfo {
    const self = this.#options.self()
    return 'nonce' in admission ? { ...self, clusterFingerprint: admission.key.fingerprint } : self
  }

  #peers(admission: Admission): Response {
    const peers = this.#options.peers.sample(MAX_PEERS_TOLD, Math.random)
    return json({ v: 1, self: encodePeer(this.#selfFor(admission)), peers: peers.map(encodeKnownPeer) })
  }

  #bye(peer: PeerInfo | undefined, connection: Connection): Response {
    if (!peer) return refuse(400, `no ${PEER_HEADER} header`)
    this.#options.peers.saidBye(peer.id, connection.address)
    return json({ ok: true })
  }

  /** Begins to check where the peer is reached; `greet` may be busy with others, and then checks later or never. */
  async #greet(peer: PeerInfo): Promise<boolean> {
    const { greet, peers } = this.#options
    return greet ? await greet(peer) : peers.heard(peer, 'direct')
  }
}

function ownAddresses({ self }: PeerHandlerOptions): (at: string, from: string) => boolean {
  const own = new OwnAddresses({ usesTls: self().usesTls, port: () => self().port })
  return (at, from) => own.has(at, from)
}

function isAllowed(method: string, target: PeerTarget): boolean {
  if (target.type === 'bye' || target.type === 'bundle') return method === 'POST'
  return method === 'GET' || (method === 'HEAD' && (target.type === 'blob' || target.type === 'health'))
}
