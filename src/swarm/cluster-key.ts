import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { DfhfError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

const MIN_LENGTH = 16
const MAX_LENGTH = 4096

/** The secret that the peers of one cluster share; the text itself does not leave this object. */
export interface ClusterKey {
  /** 16 hex digits that name the key in announcements. */
  readonly fingerprint: string
  /** HMAC-SHA256 over `text`, in hex. */
  sign(text: string): string
}

/** Makes a key of its text; throws `usage` when that is too short to be one. */
export function createClusterKey(text: string): ClusterKey {
  const secret = text.trim()
  if (secret.length < MIN_LENGTH || secret.length > MAX_LENGTH) {
    throw new DfhfError(
      'usage',
      `a cluster key has ${MIN_LENGTH} to ${MAX_LENGTH} characters, not ${secret.length}`,
      {
        hint: 'make one with: openssl rand -hex 32',
      },
    )
  }
  const fingerprint = createHash('sha256').update(`dfhf cluster key fingerprint\0${secret}`).digest('hex')
  return {
    fingerprint: fingerprint.slice(0, 16),
    sign: (message) => createHmac('sha256', secret).update(message).digest('hex'),
  }
}

/** Reads a key file, white space around the key ignored; warns when others on this machine can read it too. */
export async function readClusterKey(path: string, log: Log): Promise<ClusterKey> {
  let text: string
  try {
    const { mode, size } = await stat(path)
    if (size > 2 * MAX_LENGTH)
      throw new DfhfError('usage', `the cluster key file ${path} is too large to be one`)
    if ((mode & 0o077) !== 0)
      log.warn(`the cluster key file ${path} is readable by others: chmod 600 ${path}`)
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof DfhfError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DfhfError('usage', `cannot read the cluster key file ${path}: ${reason}`, { cause })
  }
  return createClusterKey(text)
}

/** The header that carries a request's signature. */
export const AUTH_HEADER = 'x-dfhf-auth'

/** What a signature covers. */
export interface SignedRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly range: string | undefined
  /** The header in which the sender introduces itself. */
  readonly contact: string | undefined
}

/** Whom a request is meant for: a peer id, or `*` while it is not known. */
export type Recipient = string

export interface SignOptions {
  readonly to: Recipient
  /** Wall-clock milliseconds. */
  readonly now: number
  /** 32 hex digits, never used again. @default random */
  readonly nonce?: string
}

/** The signature header for a request. */
export function signRequest(key: ClusterKey, request: SignedRequest, options: SignOptions): string {
  const { to, now, nonce = randomBytes(16).toString('hex') } = options
  return `v1 ${now} ${nonce} ${to} ${key.sign(textToSign(request, { to, time: now, nonce }))}`
}

function textToSign(
  request: SignedRequest,
  stamp: { readonly to: string; readonly time: number; readonly nonce: string },
): string {
  const { method, target, range, contact } = request
  // JSON keeps the fields apart whatever they hold.
  return JSON.stringify([method, target, range ?? '', contact ?? '', stamp.to, stamp.time, stamp.nonce])
}

/** Why a request is refused, in words that the sender may see. */
export type Refusal =
  | 'not signed'
  | 'signed with another key'
  | 'signed too long ago or in the future'
  | 'seen before'
  | 'meant for another peer'
  | 'too many requests'

export interface VerifierOptions {
  readonly key: ClusterKey
  readonly selfId: string
  /** Wall-clock milliseconds. */
  readonly now: () => number
  /** How far a sender's clock may be off, in milliseconds. @default 30000 */
  readonly windowMs?: number
  /** How many requests are remembered; past that new ones are refused rather than old ones forgotten. @default 262144 */
  readonly maxNonces?: number
}

/** Checks signatures and remembers what it accepted, so that a copy of a request is refused. */
export class RequestVerifier {
  readonly #options: Required<VerifierOptions>
  /** Accepted nonces with the moment from which on their time stamp alone refuses them, oldest first. */
  readonly #nonces = new Map<string, number>()

  constructor(options: VerifierOptions) {
    this.#options = { windowMs: 30_000, maxNonces: 2 ** 18, ...options }
  }

  /**
   * The reason to refuse a request, or undefined when it is good. `needsRecipient` refuses one that is not meant
   * for this very peer: it could have been recorded at another one.
   */
  refusalOf(
    request: SignedRequest,
    header: string | null | undefined,
    options: { readonly needsRecipient: boolean },
  ): Refusal | undefined {
    const { key, selfId, now, windowMs, maxNonces } = this.#options
    const match = /^v1 (\d{1,15}) ([0-9a-f]{32}) ([0-9a-f]{16}|\*) ([0-9a-f]{64})$/.exec(header ?? '')
    const [, timeText, nonce, to, signature] = match ?? []
    if (!timeText || !nonce || !to || !signature) return 'not signed'
    const time = Number(timeText)
    if (!isEqual(key.sign(textToSign(request, { to, time, nonce })), signature))
      return 'signed with another key'
    if (Math.abs(now() - time) > windowMs) return 'signed too long ago or in the future'
    if (to !== selfId && (to !== '*' || options.needsRecipient)) return 'meant for another peer'
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

/** Compares two hex digests of one length in constant time. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
