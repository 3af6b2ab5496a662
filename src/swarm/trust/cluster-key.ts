import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { DfhfError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { isOpenToOthers } from '../../base/secret-mode.ts'
import { systemReason } from '../../base/system-reason.ts'

const MIN_LENGTH = 16
const MAX_LENGTH = 4096
const DERIVED_LENGTH = 32

/** The secret that the peers of one cluster share; the text itself does not leave this object. */
export interface ClusterKey {
  /** 16 hex digits that name the key in announcements. */
  readonly fingerprint: string
  /** The keys that others of the cluster may use now: while it turns to a new one two, the one to sign with first. */
  accepted(): readonly ClusterKey[]
  /** HMAC-SHA256 over `text`, in hex. */
  sign(text: string): string
  /** 32 bytes that only holders of the key can compute; other bytes for each purpose and context (RFC 5869). */
  derive(purpose: 'answer proof' | 'answer body' | 'request text', context: string): Buffer
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
  const key: ClusterKey = {
    fingerprint: fingerprint.slice(0, 16),
    accepted: () => [key],
    sign: (message) => createHmac('sha256', secret).update(message).digest('hex'),
    derive: (purpose, context) =>
      Buffer.from(hkdfSync('sha256', secret, context, `dfhf ${purpose}`, DERIVED_LENGTH)),
  }
  return key
}

/** Reads a key file, white space around the key ignored; warns when others on this machine can read it too. */
export async function readClusterKey(path: string, log: Log): Promise<ClusterKey> {
  let text: string
  try {
    const stats = await stat(path)
    if (stats.size > 2 * MAX_LENGTH)
      throw new DfhfError('usage', `the cluster key file ${path} is too large to be one`)
    if (isOpenToOthers(stats))
      log.warn(`the cluster key file ${path} is readable by others: chmod 600 ${path}`)
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof DfhfError) throw cause
    throw new DfhfError('usage', `cannot read the cluster key file ${path}: ${systemReason(cause)}`, {
      cause,
    })
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

/** The peer that a request is meant for: its id, or `*` while that is not known. */
type Recipient = string

export interface SignOptions {
  readonly to: Recipient
  /** Where the sender connects to, as `http://host:port` or `https://host:port`. */
  readonly at: string
  /** Wall-clock milliseconds. */
  readonly now: number
  /** 32 hex digits, never used again. @default random */
  readonly nonce?: string
}

/** Draws the number that makes one request, or one response, unlike every other. */
export function createNonce(): string {
  return randomBytes(16).toString('hex')
}

/** The signature header for a request. */
export function signRequest(key: ClusterKey, request: SignedRequest, options: SignOptions): string {
  const { to, at, now, nonce = createNonce() } = options
  return `v2 ${now} ${nonce} ${to} ${at} ${key.sign(textToSign(request, { to, at, time: now, nonce }))}`
}

interface Stamp {
  readonly to: string
  readonly at: string
  readonly time: number
  readonly nonce: string
}

function textToSign(request: SignedRequest, { to, at, time, nonce }: Stamp): string {
  const { method, target, range, contact } = request
  // JSON keeps the fields apart even where they hold separators.
  return JSON.stringify([method, target, range ?? '', contact ?? '', to, at, time, nonce])
}

/** Compares two hex digests of one length in constant time. */
export function isEqualDigest(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}

/** A signature header as it was written, and its parts. */
export interface Signature extends Stamp {
  readonly digest: string
}

/** Reads a signature header; undefined for anything that is not one. */
export function parseSignature(header: string | null | undefined): Signature | undefined {
  const pattern =
    /^v2 (\d{1,15}) ([0-9a-f]{32}) ([0-9a-f]{16}|\*) (https?:\/\/[\w.:[\]%-]{1,80}) ([0-9a-f]{64})$/
  const [, time, nonce, to, at, digest] = pattern.exec(header ?? '') ?? []
  if (!time || !nonce || !to || !at || !digest) return undefined
  return { time: Number(time), nonce, to, at, digest }
}

/** The one of the accepted keys that signed just this; undefined when none did. */
export function signerOf(
  key: ClusterKey,
  request: SignedRequest,
  signature: Signature,
): ClusterKey | undefined {
  const text = textToSign(request, signature)
  return key.accepted().find((each) => isEqualDigest(each.sign(text), signature.digest))
}
