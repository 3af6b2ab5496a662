import { DfhfError, isOfClass } from '../../base/errors.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { type PeerInfo, toAuthority } from '../protocol/peer-info.ts'
import { CROWDED, NOT_HERE_YET, REASON_HEADER } from '../protocol/peer-reply.ts'
import { OtherProtocolError } from '../protocol/protocol-version.ts'

const MAX_RETRY_AFTER_S = 60

/** A peer refused: it answered, so another address of it would say the same. */
class PeerRefusalError extends DfhfError {
  override readonly name = 'PeerRefusalError'
}

/** A peer that fetches the blob from the Hub has no room for one more that hears its news. */
export class CrowdedPeerError extends PeerRefusalError {}

/**
 * The error for a status by which a peer refuses; undefined for success. Never `bad-response`, which is for bytes and
 * messages that are wrong: a peer in trouble is no liar.
 */
export function peerRefusal(response: HttpResponse, peer: string): DfhfError | undefined {
  const { status, headers } = response
  if (response.isSuccess) return undefined
  const reason = printable(headers.get(REASON_HEADER)) || `status ${status}`
  if (status === 503 || status === 429) {
    const code = reason === NOT_HERE_YET ? 'not-cached' : 'rate-limited'
    const retryAfterMs = 1000 * Math.min(MAX_RETRY_AFTER_S, Number(headers.get('retry-after')) || 1)
    const Refusal = reason === CROWDED ? CrowdedPeerError : PeerRefusalError
    return new Refusal(code, `peer ${peer} cannot serve this now: ${reason}`, {
      retryable: true,
      retryAfterMs,
    })
  }
  if (status === 404) return new PeerRefusalError('not-cached', `peer ${peer} does not have this blob`)
  if (status === 401) {
    return new PeerRefusalError('unauthorized', `peer ${peer} refuses our requests: ${reason}`, {
      hint: 'give all peers the same cluster key and the right time; --advertise the address behind which one is',
    })
  }
  if (status === 403) return new PeerRefusalError('forbidden', `peer ${peer} refuses our requests: ${reason}`)
  return new PeerRefusalError('network', `peer ${peer} answered ${status}: ${reason}`, {
    retryable: status >= 500,
  })
}

function printable(text: string | undefined): string {
  return (text ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 80)
}

/** Another peer answers at an address by now. */
export class WrongPeerError extends DfhfError {
  constructor(peer: PeerInfo, address: string) {
    super('network', `another peer than ${peer.name} answers at ${toAuthority(address, peer.port)}`)
    this.name = 'WrongPeerError'
  }
}

/** The host that answered does not hold the cluster key, or refuses this process's: any host can do that in a peer's place. */
export class UnprovenError extends DfhfError {
  constructor(message: string) {
    super('unauthorized', message, {
      hint: 'give all peers the same cluster key, the right time, the same version of dfhf, and behind NAT --advertise',
    })
    this.name = 'UnprovenError'
  }
}

/** True for a failure of an address, not of the peer: the next address may do better. */
export function isElsewhere(error: unknown): boolean {
  if (error instanceof PeerRefusalError) return false
  if (error instanceof UnprovenError || error instanceof WrongPeerError) return true
  if (error instanceof OtherProtocolError) return true
  return isOfClass(error, 'network')
}
