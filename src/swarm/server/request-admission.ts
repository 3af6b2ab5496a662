import { fromPeerHeader, PEER_HEADER, type PeerInfo } from '../protocol/peer-info.ts'
import { parsePlace, parseSealedPlace } from '../protocol/peer-target.ts'
import { AUTH_HEADER, type ClusterKey, parseSignature, signerOf } from '../trust/cluster-key.ts'
import { type Refusal, RequestVerifier } from '../trust/request-verifier.ts'
import { proveResponse } from '../trust/response-proof.ts'
import { openText } from '../trust/sealed-stream.ts'
import type { BlobPlace } from './blob-shelf.ts'
import type { Connection } from './upload-ledger.ts'

/** Whether a request was signed with the cluster key; its nonce and that key when it was, nothing where there is none. */
export type Admission =
  | { readonly nonce: string; readonly key: ClusterKey }
  | { readonly refusal: Refusal }
  | { readonly hasNoKey: true }

export interface AdmissionOptions {
  readonly key: ClusterKey
  readonly selfId: string
  readonly isOwnAddress: (at: string, from: string) => boolean
  readonly now: () => number
}

/** Checks requests against the cluster key, where there is one, and proves replies with it. */
export class RequestAdmission {
  readonly #key: ClusterKey | undefined
  readonly #verifier: RequestVerifier | undefined

  constructor(options: AdmissionOptions | undefined) {
    this.#key = options?.key
    this.#verifier = options && new RequestVerifier(options)
  }

  /** To be called once for each request: a second call refuses it as seen before. */
  check(request: Request, { address }: Connection): Admission {
    if (!this.#verifier) return { hasNoKey: true }
    if (!URL.canParse(request.url)) return { refusal: 'not signed' }
    const header = request.headers.get(AUTH_HEADER)
    const { pathname, search } = new URL(request.url)
    const signed = {
      method: request.method,
      target: pathname + search,
      range: request.headers.get('range') ?? undefined,
      contact: request.headers.get(PEER_HEADER) ?? undefined,
    }
    const needsRecipient = /^\/v1\/blobs(?:\/|$)/.test(pathname)
    const refusal = this.#verifier.refusalOf(signed, header, { needsRecipient, from: address })
    if (refusal) return { refusal }
    const signature = parseSignature(header)
    const key = signature && this.#key && signerOf(this.#key, signed, signature)
    return signature && key ? { nonce: signature.nonce, key } : { refusal: 'not signed' }
  }

  /** The reply with the proof by which the asker believes it. */
  prove(admission: Admission, method: string, reply: Response): Response {
    return 'nonce' in admission ? proveResponse(admission.key, admission.nonce, method, reply) : reply
  }

  /** Where on the Hub the blob is, as the request says. */
  placeIn(query: URLSearchParams, admission: Admission): BlobPlace | undefined {
    if (!this.#key) return parsePlace(query)
    if (!('nonce' in admission)) return undefined
    const { key } = admission
    return parseSealedPlace(query, (text) => openText(text, key.derive('request text', admission.nonce)))
  }
}

/**
 * The peer that asks. A stranger counts as reached at the address that it asks from alone, or it could make this process
 * contact any host and port; a holder of the key may name other addresses too.
 */
export function readContact(
  request: Request,
  { address }: Connection,
  admission: Admission,
): PeerInfo | 'garbage' | undefined {
  const header = request.headers.get(PEER_HEADER)
  if (header === null) return undefined
  try {
    const peer = fromPeerHeader(header, address)
    const others = 'nonce' in admission ? peer.addresses.filter((other) => other !== address) : []
    return { ...peer, addresses: [address, ...others] }
  } catch {
    return 'garbage'
  }
}
