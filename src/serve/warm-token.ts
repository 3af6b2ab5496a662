import { createHash, timingSafeEqual } from 'node:crypto'
import { access, constants, stat } from 'node:fs/promises'
import { DfhfError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isLoopbackAddress } from '../base/loopback.ts'
import { isOpenToOthers } from '../base/secret-mode.ts'
import { systemReason } from '../base/system-reason.ts'
import type { GatewayRequest } from '../gateway/message.ts'
import { unlessMissing } from '../storage/files/disk-error.ts'
import { readPlainText } from '../storage/files/plain-file.ts'

/** The header that carries it beside a client's own token for the Hub. */
export const WARM_TOKEN_HEADER = 'x-dfhf-warm-token'

const MIN_LENGTH = 16
const MAX_LENGTH = 4096

/** Reads the secret by which other machines may order fetches. Throws `usage` for a file that holds none. */
export async function readWarmToken(path: string, log: Log): Promise<string> {
  const text = (await readPlainText(path, MAX_LENGTH))?.trim()
  if (text === undefined) {
    const reason = await access(path, constants.R_OK).then(() => 'it is no file of one token', systemReason)
    throw new DfhfError('usage', `cannot read the warm token file ${path}: ${reason}`)
  }
  if (text.length < MIN_LENGTH || !/^[\x21-\x7e]+$/.test(text)) {
    throw new DfhfError(
      'usage',
      `the warm token file ${path} holds no token of ${MIN_LENGTH} characters or more`,
      {
        hint: 'make one with: openssl rand -hex 32',
      },
    )
  }
  const stats = await stat(path).catch(() => undefined)
  if (stats && isOpenToOthers(stats))
    log.warn(`the warm token file ${path} is readable by others: chmod 600 ${path}`)
  return text
}

/** True where a file holds no token any more, and so withdraws the one that it held: it is gone or empty. */
export async function isWarmTokenWithdrawn(path: string): Promise<boolean> {
  const text = await readPlainText(path, MAX_LENGTH)
  return text === undefined ? (await unlessMissing(stat(path))) === undefined : text.trim() === ''
}

/**
 * The request as it may order a fetch: from this machine, or with a token. A token that came as the bearer is not one
 * of the Hub, and goes no further. Throws `unauthorized` for any other.
 */
export function admitOrder(request: GatewayRequest, tokens: readonly string[]): GatewayRequest {
  const { headers } = request
  const isToken = (text: string | null | undefined) =>
    typeof text === 'string' && tokens.some((token) => isSame(text, token))
  const hasBearer = isToken(/^bearer +(\S+)$/i.exec(headers.get('authorization')?.trim() ?? '')?.[1])
  if (!hasBearer && !isToken(headers.get(WARM_TOKEN_HEADER)) && !isLoopbackAddress(request.address)) {
    throw new DfhfError('unauthorized', 'this node takes no orders from other machines without its token', {
      hint: 'start dfhf serve with --warm-token-file, and give snapshot --on the same',
    })
  }
  const kept = new Headers(headers)
  kept.delete(WARM_TOKEN_HEADER)
  if (hasBearer) kept.delete('authorization')
  return { ...request, headers: kept }
}

/** Compares in a time that says nothing of either text. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return left !== undefined && right !== undefined && timingSafeEqual(left, right)
}
