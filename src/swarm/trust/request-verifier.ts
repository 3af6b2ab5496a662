import { type ClusterKey, parseSignature, type SignedRequest, signerOf } from './cluster-key.ts'

/** Why a request is refused, in words that the sender may see. */
export type Refusal =
  | 'not signed'
  | 'signed by another version of dfhf'
  | 'signed with another key'
  | 'signed too long ago or in the future'
  | 'seen before'
  | 'meant for another peer'
  | 'sent to an address that is not its own'
  | 'too many requests'

export interface VerifierOptions {
  readonly key: ClusterKey
  readonly selfId: string
  /** Whether this process is reached at `at` by a sender whose address is `from`. */
  readonly isOwnAddress: (at: string, from: string) => boolean
  /** Wall-clock milliseconds. */
  readonly now: () => number
  /** How far a sender's clock may be off, in milliseconds. @default 30000 */
  readonly windowMs?: number
  /** How many requests are remembered; past that new ones are refused rather than old ones forgotten. @default 262144 */
  readonly maxNonces?: number
}

/** How a request came in. */
export interface Arrival {
  /** Refuses a request that is not meant for this very peer: it could have been recorded at another one. */
  readonly needsRecipient: boolean
  /** The IP address that the request came from. */
  readonly from: string
}

/** Checks signatures and remembers what it accepted, so that a copy of a request is refused. */
export class RequestVerifier {
  readonly #options: Required<VerifierOptions>
  /** Accepted nonces with the moment from which on their time stamp alone refuses them, oldest first. */
  readonly #nonces = new Map<string, number>()

  constructor(options: VerifierOptions) {
    this.#options = { windowMs: 30_000, maxNonces: 2 ** 18, ...options }
  }

  /** The reason to refuse a request, or undefined when it is good. */
  refusalOf(
    request: SignedRequest,
    header: string | null | undefined,
    { needsRecipient, from }: Arrival,
  ): Refusal | undefined {
    const { key, selfId, now, windowMs, maxNonces, isOwnAddress } = this.#options
    const signature = parseSignature(header)
    if (!signature)
      return /^v(?!2 )\d+ \d/.test(header ?? '') ? 'signed by another version of dfhf' : 'not signed'
    const { time, nonce, to, at } = signature
    if (!signerOf(key, request, signature)) return 'signed with another key'
    if (Math.abs(now() - time) > windowMs) return 'signed too long ago or in the future'
    if (to !== selfId && (to !== '*' || needsRecipient)) return 'meant for another peer'
    // A host that was dialled in this peer's place can pass requests on, but cannot change the address that was signed.
    if (!isOwnAddress(at, from)) return 'sent to an address that is not its own'
    this.#forget(now())
    if (this.#nonces.has(nonce)) return 'seen before'
    if (this.#nonces.size >= maxNonces) return 'too many requests'
    this.#nonces.set(nonce, now() + 2 * windowMs)
    return undefined
  }

  #forget(now: number): void {
    for (const [nonce, until] of this.#nonces) {
      if (until >= now) return
      this.#nonces.delete(nonce)
    }
  }
}
