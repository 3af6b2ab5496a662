import { isIP } from 'node:net'
import type { DnsPacket, DnsQuestion, DnsRecord } from 'multicast-dns'
import { isLoopbackAddress } from '../../base/loopback.ts'
import { decodePeer, MAX_ADDRESSES, type PeerInfo } from '../protocol/peer-info.ts'
import { otherProtocol, PEER_PROTOCOL } from '../protocol/protocol-version.ts'

/** The service under which peers announce themselves (RFC 6763). */
export const SERVICE = '_dfhf._tcp.local'
const META_QUERY = '_services._dns-sd._udp.local'
const MAX_TXT_ENTRIES = 32
/** How many peers one packet may announce; an honest sender announces fewer. */
const MAX_PEERS_IN_PACKET = 64

function instanceOf(peer: PeerInfo): string {
  // Dots would split the label; a label has 63 bytes at most.
  const name = peer.name.replaceAll('.', '-')
  const short = Buffer.from(name).subarray(0, 40).toString('utf8').replaceAll('\ufffd', '')
  return `${short}-${peer.id}.${SERVICE}`
}

function hostOf(peer: PeerInfo): string {
  return `dfhf-${peer.id}.local`
}

function txtOf(peer: PeerInfo): string[] {
  return [
    `id=${peer.id}`,
    `name=${peer.name}`,
    `version=${peer.version}`,
    `protocol=${PEER_PROTOCOL}`,
    `role=${peer.role}`,
    ...(peer.clusterFingerprint ? [`cluster=${peer.clusterFingerprint}`] : []),
    ...(peer.zone === undefined ? [] : [`zone=${peer.zone}`]),
    ...(peer.fetchesForPeers ? ['fetches=1'] : []),
    ...(peer.usesTls ? ['tls=1'] : []),
  ]
}

/** What a peer says of itself on an interface with these addresses; `ttl` in seconds, 0 to withdraw it. */
export function announcementOf(peer: PeerInfo, addresses: readonly string[], ttl: number): DnsPacket {
  const [instance, host] = [instanceOf(peer), hostOf(peer)]
  const unique = { ttl, flush: true }
  return {
    answers: [
      { name: SERVICE, type: 'PTR', ttl, data: instance },
      {
        name: instance,
        type: 'SRV',
        ...unique,
        data: { port: peer.port, target: host, priority: 0, weight: 0 },
      },
      { name: instance, type: 'TXT', ...unique, data: txtOf(peer) },
      ...addresses.map((data) => ({ name: host, type: isIP(data) === 6 ? 'AAAA' : 'A', ...unique, data })),
    ],
  }
}

/** The question that makes all peers on a network announce themselves. */
export const whoIsThere: readonly DnsQuestion[] = [{ name: SERVICE, type: 'PTR' }]

/** How a peer answers a query: with its announcement, with the name of the service, or not at all. */
export function answerTo(
  questions: readonly DnsQuestion[],
  peer: PeerInfo,
): 'announcement' | 'service' | undefined {
  const own = [SERVICE, instanceOf(peer), hostOf(peer)].map((name) => name.toLowerCase())
  if (questions.some(({ name }) => own.includes(name.toLowerCase()))) return 'announcement'
  return questions.some(({ name }) => name.toLowerCase() === META_QUERY) ? 'service' : undefined
}

/** The response to the query for all services of a network. */
export function serviceAnswer(ttl: number): DnsPacket {
  return { answers: [{ name: META_QUERY, type: 'PTR', ttl, data: SERVICE }] }
}

/** A peer that a packet announces. */
export interface Announced {
  readonly peer: PeerInfo
  /** True when the peer withdraws its announcement. */
  readonly isLeaving: boolean
  /** The version of the peer protocol that it speaks, where that is another than this process's. */
  readonly otherProtocol?: string | undefined
}

/** The peers that a response announces; records of other services and malformed ones are passed over. */
export function announcedIn(packet: DnsPacket, sender: string): Announced[] {
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
  const announced: Announced[] = []
  for (const srv of records) {
    if (srv.type !== 'SRV' || !srv.name.toLowerCase().endsWith(`.${SERVICE}`)) continue
    const facts = factsOf(srv, records)
    const peer = peerOf(srv, { records, facts, sender })
    const isLeaving = srv.ttl === 0
    if (peer) announced.push({ peer, isLeaving, otherProtocol: otherProtocol(facts.get('protocol')) })
    if (announced.length === MAX_PEERS_IN_PACKET) break
  }
  return announced
}

function factsOf(srv: DnsRecord, records: readonly DnsRecord[]): ReadonlyMap<string, string> {
  return txtFacts(records.find(({ name, type }) => type === 'TXT' && name === srv.name)?.data)
}

function peerOf(
  srv: DnsRecord,
  {
    records,
    facts,
    sender,
  }: {
    readonly records: readonly DnsRecord[]
    readonly facts: ReadonlyMap<string, string>
    readonly sender: string
  },
): PeerInfo | undefined {
  const { port, target } = (srv.data ?? {}) as { readonly port?: unknown; readonly target?: unknown }
  const told = records
    .filter(({ name, type }) => (type === 'A' || type === 'AAAA') && name === target)
    .map(({ data }) => String(data))
    // A loopback address from another host would lead to this one.
    .filter((address) => isIP(address) !== 0 && (isLoopbackAddress(sender) || !isLoopbackAddress(address)))
  try {
    return decodePeer(
      {
        ...Object.fromEntries(['id', 'name', 'version', 'role'].map((key) => [key, facts.get(key)])),
        addresses: (told.length > 0 ? told : [sender]).slice(0, MAX_ADDRESSES),
        port,
        ...(facts.has('cluster') && { clusterFingerprint: facts.get('cluster') }),
        ...(facts.has('zone') && { zone: facts.get('zone') }),
        fetchesForPeers: facts.get('fetches') === '1',
        usesTls: facts.get('tls') === '1',
      },
      sender,
    )
  } catch {
    return undefined
  }
}

function txtFacts(data: unknown): Map<string, string> {
  const facts = new Map<string, string>()
  for (const entry of (Array.isArray(data) ? data : [data]).slice(0, MAX_TXT_ENTRIES)) {
    const text = Buffer.isBuffer(entry) ? entry.toString('utf8') : String(entry)
    const at = text.indexOf('=')
    // The first of several entries with one key counts (RFC 6763, 6.4).
    if (at > 0 && !facts.has(text.slice(0, at))) facts.set(text.slice(0, at), text.slice(at + 1))
  }
  return facts
}
