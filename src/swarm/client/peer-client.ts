import { DfhfError } from '../../base/errors.ts'
import type { Oid } from '../../blob/oid.ts'
import { type ByteRange, pieceCountOf } from '../../blob/pieces.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { readLines } from '../../http/ndjson.ts'
import { rangeHeaders, readRange } from '../../http/ranges/range-request.ts'
import { type BundlePart, bodyDigest, formatWanted, readBundle } from '../protocol/bundle-wire.ts'
import type { HubLimitBoard } from '../protocol/hub-limit-wire.ts'
import {
  decodeKnownPeer,
  decodePeer,
  fromPeerHeader,
  type KnownPeer,
  limitsInPeerHeader,
  PEER_HEADER,
  type PeerInfo,
  seenThrough,
  toAuthority,
  toPeerHeader,
} from '../protocol/peer-info.ts'
import { formatPieceList, formatPlace } from '../protocol/peer-target.ts'
import {
  decodeDigests,
  fromLoadHeader,
  LOAD_HEADER,
  MAX_LINE,
  type PeerLoad,
  PiecesDecoder,
  type PiecesMessage,
} from '../protocol/peer-wire.ts'
import { WireReader } from '../protocol/wire-reader.ts'
import type { BlobPlace } from '../server/blob-shelf.ts'
import { MAX_PEERS_TOLD } from '../server/peer-handler.ts'
import { AUTH_HEADER, type ClusterKey, createNonce, signRequest } from '../trust/cluster-key.ts'
import { openResponse } from '../trust/response-proof.ts'
import { sealText } from '../trust/sealed-stream.ts'
import { isElsewhere, peerRefusal, UnprovenError, WrongPeerError } from './peer-refusal.ts'

/** A peer by address alone, before it is known who it is. */
export interface PeerAddress {
  readonly host: string
  readonly port: number
  readonly usesTls?: boolean
}

export interface PeerClientOptions {
  /** Connections to peers go direct: a client without a proxy. */
  readonly http: HttpClient
  /** This process as it introduces itself to the peers that it asks; undefined while it does not serve. */
  readonly self: () => PeerInfo | undefined
  /** Told with each request, and hears what peers tell with their responses. */
  readonly hubLimits?: HubLimitBoard | undefined
  /** With a key every request is signed, and only responses that prove to come from a holder count. */
  readonly key?: ClusterKey | undefined
  /** True where nothing may be sent in clear: every peer is asked by TLS, also one that is said to speak plain HTTP. */
  readonly needsTls?: boolean
  /** Called whenever a peer answered, with the address at which it did. */
  readonly onHeard?: (peer: PeerInfo, address: string) => void
  /** Called when the host that answers does not hold the cluster key, or refuses this process's. */
  readonly onUnproven?: (error: DfhfError) => void
  /** Called when a peer did not answer at an address, or another one did. */
  readonly onFailed?: (peer: PeerInfo, address: string) => void
  /** Wall-clock milliseconds. @default Date.now */
  readonly now?: () => number
  /** How long a peer may take to answer. @default 5000 */
  readonly headersTimeoutMs?: number
  /** How long a body may stand still; more than a held stream's heartbeat. @default 15000 */
  readonly bodyTimeoutMs?: number
}

/** What a peer says of itself and others. */
export interface PeerListing {
  readonly self: PeerInfo
  readonly peers: readonly KnownPeer[]
}

/** Small blobs on their way from a peer. */
export interface Bundle {
  readonly at: { readonly host: string; readonly port: number }
  readonly parts: AsyncIterable<BundlePart>
}

interface Call {
  readonly method?: 'GET' | 'POST'
  /** Named in the target by its digest. */
  readonly body?: string
  readonly target: string
  /** Draw it before what is sealed for this request. */
  readonly nonce?: string
  /** What signs it. @default the key of the moment */
  readonly key?: ClusterKey | undefined
  readonly range?: ByteRange
  readonly blobSize?: number
  readonly signal: AbortSignal
}

/** How one request is signed. */
interface Signing {
  readonly nonce: string
  readonly key: ClusterKey | undefined
}

interface Answer {
  readonly response: HttpResponse
  readonly address: string
  /** The peer as it answered. */
  readonly answerer: PeerInfo
}

/** How often a stream on which messages come says that its peer lives, in ms: often enough for a heartbeat. */
const HEARD_EVERY_MS = 1_000
const MAX_LISTING = 2 ** 20
const MAX_DIGESTS_BODY = 2 ** 16

/** Asks other peers. Every method throws DfhfError: `network` or `timeout`, `rate-limited` when the peer is busy, `not-cached`, `bad-response`. */
export class PeerClient {
  readonly #options: PeerClientOptions

  constructor(options: PeerClientOptions) {
    this.#options = options
  }

  /**
   * What the peer has of a blob, then every change, until the peer ends or the signal aborts. A peer that lacks
   * the blob still introduces others that want it. `size` is what the Hub says; with `place` a peer that fetches
   * for others can begin; `onOpen` is called with the peer as it answered, at one address.
   */
  async *watchPieces(
    peer: PeerInfo,
    oid: Oid,
    options: {
      readonly signal: AbortSignal
      readonly size?: number | undefined
      readonly place?: BlobPlace | undefined
      readonly onOpen?: (peer: PeerInfo) => void
    },
  ): AsyncGenerator<PiecesMessage> {
    const { signal, size, place, onOpen } = options
    const key = this.#signingKey()
    const nonce = createNonce()
    const seal = key && ((text: string) => sealText(text, key.derive('request text', nonce)))
    const told = place && peer.fetchesForPeers ? formatPlace(place, seal) : {}
    const query = new URLSearchParams({ watch: '1', ...told })
    const target = `/v1/blobs/${oid}/pieces?${query}`
    const { response, address } = await this.#call(peer, { target, signal, nonce, key })
    try {
      onOpen?.({ ...peer, addresses: [address] })
    } catch (error) {
      response.discard()
      throw error
    }
    const decoder = new PiecesDecoder(oid, peer.name, { size })
    let heardAt = Number.NEGATIVE_INFINITY
    for await (const line of readLines(response.body, { maxLine: MAX_LINE, sender: `peer ${peer.name}` })) {
      const message = decoder.decode(line)
      if (performance.now() - heardAt >= HEARD_EVERY_MS) {
        heardAt = performance.now()
        this.#options.onHeard?.(peer, address)
      }
      yield { ...message, members: message.members.map((member) => seenThrough(member, address)) }
    }
  }

  /** Opens a range of a blob of `size` bytes; the body gives exactly those bytes or throws. */
  async openRange(
    peer: PeerInfo,
    oid: Oid,
    options: { readonly range: ByteRange; readonly size: number; readonly signal: AbortSignal },
  ): Promise<{ readonly body: AsyncIterable<Uint8Array>; readonly load: PeerLoad | undefined }> {
    const { range, size, signal } = options
    const { response } = await this.#call(peer, { target: `/v1/blobs/${oid}`, range, blobSize: size, signal })
    const { body } = readRange(response, { range, size })
    return { body, load: fromLoadHeader(response.headers.get(LOAD_HEADER)) }
  }

  /** Asks for many small blobs at once, of which `wanted` has the sizes; gives those that the peer has, and where it answered. */
  async openBundle(peer: PeerInfo, wanted: ReadonlyMap<Oid, number>, signal: AbortSignal): Promise<Bundle> {
    const body = formatWanted(wanted.keys())
    const target = `/v1/blobs?body=${bodyDigest(body)}`
    const { response, address } = await this.#call(peer, { method: 'POST', target, body, signal })
    const parts = readBundle(response.body, { wanted, sender: peer.name })
    return { at: { host: address, port: peer.port }, parts }
  }

  /** The peer's own digests of pieces that it has, computed there when need be; at most 256 at a time. */
  async digestsOf(
    peer: PeerInfo,
    oid: Oid,
    options: { readonly pieces: readonly number[]; readonly size: number; readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<number, string>> {
    const { pieces, size, signal } = options
    const target = `/v1/blobs/${oid}/digests?pieces=${formatPieceList(pieces)}`
    const { response } = await this.#call(peer, { target, signal })
    const reader = new WireReader(await response.json(MAX_DIGESTS_BODY), peer.name)
    return decodeDigests(reader.object('digests'), pieceCountOf(size))
  }

  /** What a peer, or the unknown peer at an address, says of itself, and the peers that it knows. */
  async listPeers(peer: PeerInfo | PeerAddress, signal: AbortSignal): Promise<PeerListing> {
    const { response, address, answerer } = await this.#call(peer, { target: '/v1/peers', signal })
    const sender = 'id' in peer ? peer.name : toAuthority(peer.host, peer.port)
    const reader = new WireReader(await response.json(MAX_LISTING), sender)
    const self = decodePeer(reader.value('self'), sender)
    if (self.id !== answerer.id) reader.fail('two ids of its own')
    const peers = reader.list('peers', MAX_PEERS_TOLD).map((entry) => {
      const known = decodeKnownPeer(entry, sender)
      return { ...known, peer: seenThrough(known.peer, address) }
    })
    // The address at which it answered replaces those that it names itself.
    const port = 'id' in peer ? self.port : peer.port
    return { self: { ...self, port, addresses: [address], usesTls: answerer.usesTls }, peers }
  }

  /** Resolves when the peer says that it is able to serve. */
  async health(peer: PeerInfo | PeerAddress, signal: AbortSignal): Promise<void> {
    const { response } = await this.#call(peer, { target: '/healthz', signal })
    response.discard()
  }

  /** Tells a peer that this process ends. */
  async sayBye(peer: PeerInfo, signal: AbortSignal): Promise<void> {
    const { response } = await this.#call(peer, { method: 'POST', target: '/v1/bye', signal })
    response.discard()
  }

  /** Tries the peer's addresses in turn until one answers. */
  async #call(peer: PeerInfo | PeerAddress, call: Call): Promise<Answer> {
    const { needsTls = false, onFailed } = this.#options
    const usesTls = needsTls || (peer.usesTls ?? false)
    if (!('id' in peer)) return this.#callAt({ host: peer.host, usesTls }, peer, call)
    let failure: unknown = new DfhfError('network', `peer ${peer.name} has no address`)
    for (const host of peer.addresses) {
      try {
        return await this.#callAt({ host, usesTls }, peer, call)
      } catch (error) {
        if (call.signal.aborted || !isElsewhere(error)) throw error
        onFailed?.(peer, host)
        failure = error
      }
    }
    throw failure
  }

  async #callAt(
    { host, usesTls }: { readonly host: string; readonly usesTls: boolean },
    peer: PeerInfo | PeerAddress,
    call: Call,
  ): Promise<Answer> {
    const { http, headersTimeoutMs = 5000, bodyTimeoutMs = 15_000 } = this.#options
    const authority = toAuthority(host, peer.port)
    const at = `${usesTls ? 'https' : 'http'}://${authority}`
    const sender = 'id' in peer ? peer.name : authority
    const nonce = call.nonce ?? createNonce()
    const key = call.key ?? this.#signingKey()
    const raw = await http.request({
      method: call.method ?? 'GET',
      url: `${at}${call.target}`,
      ...(call.body !== undefined && { body: call.body }),
      headers: this.#headers(peer, call, { at, nonce, key }),
      signal: call.signal,
      headersTimeoutMs,
      bodyTimeoutMs,
    })
    try {
      const response = this.#prove(raw, { nonce, key }, sender)
      const answerer = { ...this.#introduction(response, host, peer), port: peer.port, usesTls }
      if ('id' in peer && answerer.id !== peer.id) throw new WrongPeerError(peer, host)
      this.#options.onHeard?.(answerer, host)
      const refusal = peerRefusal(response, sender)
      if (refusal) throw refusal
      return { response, address: host, answerer }
    } catch (error) {
      raw.discard()
      throw error
    }
  }

  /** The key to sign a request with, and to check its answer: another one may be in use a moment later. */
  #signingKey(): ClusterKey | undefined {
    return this.#options.key?.accepted()[0]
  }

  /** The response as a holder of the key sent it. Throws `unauthorized` for one without that proof. */
  #prove(raw: HttpResponse, { nonce, key }: Signing, sender: string): HttpResponse {
    const response = key ? openResponse(key, nonce, raw, sender) : raw
    if (response) return response
    const refusal = raw.status === 401 ? peerRefusal(raw, sender)?.message : undefined
    const error = new UnprovenError(refusal ?? `peer ${sender} does not prove that it holds the cluster key`)
    this.#options.onUnproven?.(error)
    throw error
  }

  /** The peer that claims to have answered; of a stranger's addresses only the one at which it did counts. */
  #introduction(response: HttpResponse, host: string, peer: PeerInfo | PeerAddress): PeerInfo {
    const header = response.headers.get(PEER_HEADER)
    // A server that is no dfhf may stand at an address that a peer had before: that peer is not to blame.
    if (header === undefined && 'id' in peer) throw new WrongPeerError(peer, host)
    const answerer = fromPeerHeader(header ?? '', host)
    for (const limit of limitsInPeerHeader(header ?? '')) this.#options.hubLimits?.toldOf(limit)
    const others = this.#options.key ? answerer.addresses.filter((other) => other !== host) : []
    return { ...answerer, addresses: [host, ...others] }
  }

  #headers(
    peer: PeerInfo | PeerAddress,
    call: Call,
    { at, nonce, key }: Signing & { readonly at: string },
  ): Record<string, string> {
    const { self, hubLimits, now = Date.now } = this.#options
    const own = self()
    const contact = own && toPeerHeader(own, hubLimits?.limits())
    const headers: Record<string, string> = {
      ...(call.range && rangeHeaders(call.range, call.blobSize ?? Number.POSITIVE_INFINITY)),
      ...(contact !== undefined && { [PEER_HEADER]: contact }),
    }
    if (!key) return headers
    const { method = 'GET', target } = call
    const request = { method, target, range: headers.range, contact }
    const to = 'id' in peer ? peer.id : '*'
    return { ...headers, [AUTH_HEADER]: signRequest(key, request, { to, at, nonce, now: now() }) }
  }
}
