import { createHash } from 'node:crypto'

/** The client that asks, as far as the Hub can tell. */
export interface Credentials {
  /** The Authorization header as it came; sent to the Hub's own host and nowhere else. */
  readonly authorization: string | undefined
  /** The token in it, where it holds one. */
  readonly token: string | undefined
  /** Names the client in maps, so that no token stands there. */
  readonly key: string
}

/** Reads a client's Authorization: `Bearer`, or `Basic` with the token as password, as git and curl send it. */
export function credentialsOf(headers: Headers): Credentials {
  const authorization = headers.get('authorization') ?? undefined
  if (authorization === undefined) return { authorization, token: undefined, key: 'anonymous' }
  const key = createHash('sha256').update(authorization).digest('base64url')
  return { authorization, token: tokenIn(authorization), key }
}

function tokenIn(authorization: string): string | undefined {
  const [scheme = '', value = ''] = authorization.trim().split(/\s+/, 2)
  if (scheme.toLowerCase() === 'bearer') return value || undefined
  if (scheme.toLowerCase() !== 'basic') return undefined
  const [user = '', ...password] = Buffer.from(value, 'base64').toString().split(':')
  const token = password.join(':') || user
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined
}
