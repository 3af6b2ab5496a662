import { isLoopbackHost } from '../base/loopback.ts'
import { formatSize } from '../base/size.ts'
import { urlHost } from '../base/url-host.ts'
import type { ServeOptions } from './settings/options.ts'

/** No more addresses of this machine than these are named. */
const MOST_ADDRESSES = 4

/** What only the running daemon knows of what it serves. */
export interface OpeningFacts {
  readonly version: string
  /** Where the token comes from, in words; undefined for none. */
  readonly tokenFrom: string | undefined
  readonly blobs: number
  readonly storeSize: number
  readonly hasClusterKey: boolean
  /** The port of the peer API; undefined for a daemon without peers. */
  readonly peerPort: number | undefined
  /** The addresses of this machine by which other ones may reach it. */
  readonly addresses: readonly string[]
}

/** What a daemon serves, from where, at which addresses and to whom: one line each, for the start of its log. */
export function openingLines(options: ServeOptions, facts: OpeningFacts): string[] {
  const { hub, places, storeQuota } = options
  const { version, tokenFrom, blobs, storeSize } = facts
  const token = tokenFrom === undefined ? 'without a token' : `with the token of ${tokenFrom}`
  return [
    `dfhf ${version}, for the Hub at ${new URL(hub.endpoint).host}, asked ${token}`,
    `blobs: ${blobs}, from the store ${places.storeDir} (${formatSize(storeSize)} of ${formatSize(storeQuota)}) and the cache ${places.cacheDir}`,
    `peers: ${peersLine(options, facts)}`,
    `gateway: ${gatewayLine(options)}`,
  ]
}

function peersLine({ peers }: ServeOptions, facts: OpeningFacts): string {
  const { peerPort, addresses, hasClusterKey } = facts
  if (peerPort === undefined) return 'none are asked or answered (--no-peers)'
  const { host } = peers.listen
  const all = host === undefined ? addresses : [host]
  const named = all.slice(0, MOST_ADDRESSES).map((address) => `${urlHost(address)}:${peerPort}`)
  const more = all.length > named.length ? ` and ${all.length - named.length} more` : ''
  const at = named.length > 0 ? `${named.join(', ')}${more}` : `port ${peerPort}`
  const found = [
    ...(peers.isMulticast ? ['multicast'] : []),
    ...(peers.seeds.length > 0 ? [`seeds ${peers.seeds.join(', ')}`] : []),
  ]
  const to = hasClusterKey
    ? 'holders of the cluster key get all blobs, and no other machine any'
    : 'every machine that reaches it gets blobs of public repos, and none of private ones'
  return `at ${at}, found by ${found.join(' and ') || 'others that know this one'}; ${to}`
}

function gatewayLine({ gateway }: ServeOptions): string {
  if (!gateway) return 'off'
  const { listen, hosts, clients } = gateway
  const names = hosts.length > 0 ? `, also called ${hosts.join(', ')}` : ''
  if (listen.host !== undefined && isLoopbackHost(listen.host)) return `for this machine alone${names}`
  const whom = clients.length > 0 ? `for ${clients.join(', ')} and this machine` : 'for every machine'
  return `${whom}, each with its own token${names}`
}
