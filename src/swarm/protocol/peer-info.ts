import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { isLoopbackAddress } from '../../base/loopback.ts'
import { plainAddress } from '../../base/plain-address.ts'
import { bareHost, urlHost } from '../../base/url-host.ts'
import { decodeHubLimits, encodeHubLimits, type HubLimitNews } from './hub-limit-wire.ts'
import { WireReader } from './wire-reader.ts'

/** 16 hex digits, drawn at random by every process. */
export type PeerId = string & { readonly __brand: 'PeerId' }

/** `download` for a process that ends with its transfer, `serve` for a daemon. */
export type PeerRole = 'download' | 'serve'

/** What peers tell of themselves and of each other. */
export interface PeerInfo {
  readonly id: PeerId
  /** The host's name, for people. */
  readonly name: string
  /**
   * IP addresses at which the peer API may be reached, the likeliest first. In what a process says of itself: those
   * it was told to give, and none by default, as others know best how they see it.
   */
  readonly addresses: readonly string[]
  readonly port: number
  readonly version: string
  /** Names the cluster key without revealing it; undefined without a key. */
  readonly clusterFingerprint: string | undefined
  readonly role: PeerRole
  /** Names the rack, site or region that the peer is in; undefined where none was named. */
  readonly zone?: string | undefined
  /** True for a peer that fetches from the Hub what others ask it for. */
  readonly fetchesForPeers: boolean
  /** True when the peer API speaks TLS. */
  readonly usesTls: boolean
}

/** A peer as another one passes it on. */
export interface KnownPeer {
  readonly peer: PeerInfo
  /** Milliseconds since a peer last heard from it directly. */
  readonly ageMs: number
}

/** How many addresses of one peer are kept. */
export const MAX_ADDRESSES = 8
const MAX_PEER_LENGTH = 2048
/** A percent sign and two digits for each of its bytes. */
const MAX_HEADER_LENGTH = 3 * MAX_PEER_LENGTH
const MAX_AGE_MS = 24 * 3600 * 1000
const idPattern = /^[0-9a-f]{16}$/
const namePattern = /^[\p{L}\p{N}._ -]{1,64}$/u
const versionPattern = /^[\w.+-]{1,32}$/
const fingerprintPattern = /^[0-9a-f]{16}$/
/** What Kubernetes allows as the value of a label, such as that of `topology.kubernetes.io/zone`. */
const zonePattern = /^[\w.-]{1,63}$/
const rolePattern = /^(?:download|serve)$/

/** Draws a new peer id. */
export function createPeerId(): PeerId {
  return randomBytes(8).toString('hex') as PeerId
}

/** True for a peer id as `createPeerId` makes them. */
export function isPeerId(text: string): text is PeerId {
  return idPattern.test(text)
}

/** True for the name of a zone as peers may tell it. */
export function isZone(text: string): boolean {
  return zonePattern.test(text)
}

/** A host name made fit for other people's terminals: what a peer name may not hold becomes a dash. */
export function toPeerName(hostName: string): string {
  return [...hostName.replace(/[^\p{L}\p{N}._ -]/gu, '-')].slice(0, 32).join('') || 'unnamed'
}

/** The JSON form of a peer, short names and nothing that is false or unset. */
export function encodePeer(peer: PeerInfo): Record<string, unknown> {
  return {
    id: peer.id,
    name: peer.name,
    addresses: peer.addresses,
    port: peer.port,
    version: peer.version,
    role: peer.role,
    ...(peer.clusterFingerprint && { clusterFingerprint: peer.clusterFingerprint }),
    ...(peer.zone !== undefined && { zone: peer.zone }),
    ...(peer.fetchesForPeers && { fetchesForPeers: true }),
    ...(peer.usesTls && { usesTls: true }),
  }
}

/** Checks a peer that `sender` told of; throws `bad-response`. */
export function decodePeer(value: unknown, sender: string): PeerInfo {
  const reader: WireReader = new WireReader(value, sender)
  const addresses = reader.list('addresses', MAX_ADDRESSES).map((address) => {
    if (typeof address !== 'string' || isIP(address) === 0) reader.fail(`a bad 'addresses'`)
    return address
  })
  return {
    id: reader.text('id', idPattern) as PeerId,
    name: reader.text('name', namePattern),
    addresses,
    port: reader.integer('port', 1, 65535),
    version: reader.text('version', versionPattern),
    clusterFingerprint: reader.has('clusterFingerprint')
      ? reader.text('clusterFingerprint', fingerprintPattern)
      : undefined,
    role: reader.text('role', rolePattern) as PeerRole,
    ...(reader.has('zone') && { zone: reader.text('zone', zonePattern) }),
    fetchesForPeers: reader.flag('fetchesForPeers'),
    usesTls: reader.flag('usesTls'),
  }
}

/** The JSON form of a peer with the age of the news. */
export function encodeKnownPeer({ peer, ageMs }: KnownPeer): Record<string, unknown> {
  return { ...encodePeer(peer), ageMs: Math.min(MAX_AGE_MS, Math.max(0, Math.round(ageMs))) }
}

/** Checks what `encodeKnownPeer` wrote. */
export function decodeKnownPeer(value: unknown, sender: string): KnownPeer {
  return {
    peer: decodePeer(value, sender),
    ageMs: new WireReader(value, sender).integer('ageMs', 0, MAX_AGE_MS),
  }
}

/** The header in which both sides of a request introduce themselves, with the addresses they were told to give. */
export const PEER_HEADER = 'x-dfhf-peer'

/** Writes a peer, and the limits of the Hub that it met, into a header value: JSON, percent-encoded as names need not be ASCII. */
export function toPeerHeader(peer: PeerInfo, limits: readonly HubLimitNews[] = []): string {
  return encodeURIComponent(JSON.stringify({ ...encodePeer(peer), ...encodeHubLimits(limits) }))
}

/** The limits of the Hub that the peer met, from `toPeerHeader`'s value; none in one that is not as it must be. */
export function limitsInPeerHeader(header: string): readonly HubLimitNews[] {
  if (!header.includes('hubLimits') || header.length > MAX_HEADER_LENGTH) return []
  try {
    return decodeHubLimits(JSON.parse(decodeURIComponent(header)))
  } catch {
    return []
  }
}

/** Reads `toPeerHeader`'s value from the peer that was seen at `address`, which joins its own; throws `bad-response`. */
export function fromPeerHeader(header: string, address: string): PeerInfo {
  let text = ''
  try {
    text = decodeURIComponent(header)
  } catch {
    // Left empty: refused below as no JSON.
  }
  const value = WireReader.parse(text, address, MAX_PEER_LENGTH).fields
  const peer = decodePeer(value, address)
  return { ...peer, addresses: [...new Set([...peer.addresses, address])].slice(0, MAX_ADDRESSES) }
}

/** One spelling for each address: IPv4 as such, IPv6 as RFC 5952 has it. */
export function canonicalHost(host: string): string {
  if (isIP(host) === 4) return host
  const url = `http://${urlHost(host)}`
  return plainAddress(URL.canParse(url) ? bareHost(new URL(url).hostname) : host)
}

/**
 * A peer as `address` told of it, seen from here: a loopback address there means the teller's own host, which
 * is to be reached at the address where the teller was.
 */
export function seenThrough(peer: PeerInfo, address: string): PeerInfo {
  if (isLoopbackAddress(address) || !peer.addresses.some(isLoopbackAddress)) return peer
  const addresses = peer.addresses.map((candidate) => (isLoopbackAddress(candidate) ? address : candidate))
  return { ...peer, addresses: [...new Set(addresses)] }
}

/** `host:port` as URLs write it. */
export function toAuthority(host: string, port: number): string {
  return `${urlHost(host)}:${port}`
}
