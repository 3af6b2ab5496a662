import { BanList } from './ban-list.ts'
import { type KnownPeer, MAX_ADDRESSES, type PeerInfo, toAuthority } from './peer-info.ts'

/** How often peers say that they live, in milliseconds. */
export const HEARTBEAT_MS = 5000
/** A peer is gone after this many heartbeats without a word. */
const MISSED_HEARTBEATS = 3
/** How long a peer that is gone is remembered, so that its return is known as one. */
const FORGET_AFTER_MS = 10 * 60 * 1000

/** Peers that came and went, for the log. */
export type MembershipEvent =
  | { readonly type: 'joined' | 'back'; readonly peer: PeerInfo }
  | { readonly type: 'left'; readonly peer: PeerInfo; readonly reason: 'silent' | 'said bye' | 'banned' }

/** `direct` for a peer that we heard ourselves, `hearsay` for what another one told. */
export type PeerNews = 'direct' | 'hearsay'

export interface MembershipOptions {
  readonly selfId: string
  /** Peers with another fingerprint, or with one where we have none, are not ours. */
  readonly clusterFingerprint: string | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  /** How many peers are known at most, those that are gone included. @default 20000 */
  readonly maxPeers?: number
  readonly onEvent?: (event: MembershipEvent) => void
}

interface Entry {
  peer: PeerInfo
  /** When anybody last heard it. */
  heardAt: number
  /** When we last heard it ourselves; -Infinity when never. */
  directAt: number
  isLive: boolean
  /** Where it answered us. */
  provenAddress: string | undefined
  /** News from before this moment does not bring it back. */
  leftAt: number
}

/** The peers that this process knows: who lives, who is gone, who is banned. No timers: call `sweep` now and then. */
export class Membership {
  readonly #options: Required<Omit<MembershipOptions, 'onEvent'>>
  readonly #onEvent: (event: MembershipEvent) => void
  readonly #entries = new Map<string, Entry>()
  readonly #bans = new BanList()

  constructor(options: MembershipOptions) {
    this.#options = { heartbeatMs: HEARTBEAT_MS, maxPeers: 20_000, ...options }
    this.#onEvent = options.onEvent ?? (() => {})
  }

  /** Takes in news of a peer that was alive `ageMs` ago; returns false when the peer is not one of ours. */
  heard(peer: PeerInfo, news: PeerNews, ageMs = 0): boolean {
    const heardAt = this.#options.now() - ageMs
    if (!this.#isOurs(peer) || this.isBanned(peer)) return false
    const entry = this.#entries.get(peer.id)
    if (!entry) return this.#add(peer, news, heardAt)
    if (news === 'hearsay' && heardAt <= entry.leftAt) return false
    entry.peer = merge(entry.peer, peer, news)
    entry.heardAt = Math.max(entry.heardAt, heardAt)
    if (news === 'direct') entry.directAt = Math.max(entry.directAt, heardAt)
    if (!entry.isLive && this.#isFresh(entry.heardAt)) {
      entry.isLive = true
      this.#onEvent({ type: 'back', peer: entry.peer })
    }
    return true
  }

  /** The peer answered at once at `address`: that one is tried first from now on. */
  preferAddress(id: string, address: string): void {
    const entry = this.#entries.get(id)
    if (!entry?.peer.addresses.includes(address)) return
    entry.provenAddress = address
    if (entry.peer.addresses[0] === address) return
    const others = entry.peer.addresses.filter((other) => other !== address)
    entry.peer = { ...entry.peer, addresses: [address, ...others] }
  }

  /** The peer says, from `address`, that it ends. Ignored from an address that is not its own. */
  saidBye(id: string, address: string): void {
    const entry = this.#entries.get(id)
    if (entry?.peer.addresses.includes(address)) this.#end(entry, 'said bye')
  }

  /**
   * Shuts a peer out for a time: its id, and the address at which it answered us. Not those that it merely names,
   * or it could have others banned in its place.
   */
  ban(id: string, reason: string, durationMs: number): void {
    const entry = this.#entries.get(id)
    const until = this.#options.now() + durationMs
    this.#bans.add(id, reason, until)
    if (!entry) return
    if (entry.provenAddress !== undefined)
      this.#bans.add(toAuthority(entry.provenAddress, entry.peer.port), reason, until)
    this.#end(entry, 'banned')
    this.#entries.delete(id)
  }

  /** Why a peer is shut out; undefined when it is not. */
  banReason(peer: PeerInfo): string | undefined {
    const now = this.#options.now()
    for (const key of [peer.id, ...endpointsOf(peer)]) {
      const reason = this.#bans.reasonFor(key, now)
      if (reason !== undefined) return reason
    }
    return undefined
  }

  isBanned(peer: PeerInfo): boolean {
    return this.banReason(peer) !== undefined
  }

  /** Lets peers go that were silent for too long, and forgets those that are gone for long. */
  sweep(): void {
    const now = this.#options.now()
    for (const entry of [...this.#entries.values()]) {
      if (entry.isLive && !this.#isFresh(entry.heardAt)) this.#end(entry, 'silent')
      if (!entry.isLive && now - entry.heardAt > FORGET_AFTER_MS) this.#entries.delete(entry.peer.id)
    }
    this.#bans.sweep(now)
  }

  /** The live peers, in no particular order. */
  live(): PeerInfo[] {
    const peers: PeerInfo[] = []
    for (const entry of this.#entries.values()) if (entry.isLive) peers.push(entry.peer)
    return peers
  }

  /** A live peer by id. */
  get(id: string): PeerInfo | undefined {
    const entry = this.#entries.get(id)
    return entry?.isLive ? entry.peer : undefined
  }

  /** True when a live peer is reached at this address. */
  isKnownAt(host: string, port: number): boolean {
    for (const { isLive, peer } of this.#entries.values())
      if (isLive && peer.port === port && peer.addresses.includes(host)) return true
    return false
  }

  /** Live peers with the age of what is known, at most `limit`, drawn evenly with `random` (0 to below 1). */
  sample(limit: number, random: () => number): KnownPeer[] {
    const now = this.#options.now()
    const live = [...this.#entries.values()].filter((entry) => entry.isLive)
    return drawSome(live, limit, random).map(({ peer, heardAt }) => ({ peer, ageMs: now - heardAt }))
  }

  /** Live peers that we did not hear ourselves within one heartbeat, longest silence first. */
  unheard(): PeerInfo[] {
    const since = this.#options.now() - this.#options.heartbeatMs
    return [...this.#entries.values()]
      .filter(({ isLive, directAt }) => isLive && directAt <= since)
      .sort((a, b) => (a.directAt < b.directAt ? -1 : 1))
      .map(({ peer }) => peer)
  }

  #add(peer: PeerInfo, news: PeerNews, heardAt: number): boolean {
    if (!this.#isFresh(heardAt) || !this.#hasRoom()) return false
    const directAt = news === 'direct' ? heardAt : Number.NEGATIVE_INFINITY
    this.#entries.set(peer.id, {
      peer,
      heardAt,
      directAt,
      isLive: true,
      provenAddress: undefined,
      leftAt: Number.NEGATIVE_INFINITY,
    })
    this.#onEvent({ type: 'joined', peer })
    return true
  }

  /** Makes room by forgetting one that is gone; a known live peer never gives way to a new one. */
  #hasRoom(): boolean {
    if (this.#entries.size < this.#options.maxPeers) return true
    for (const [id, entry] of this.#entries) {
      if (entry.isLive) continue
      this.#entries.delete(id)
      return true
    }
    return false
  }

  #end(entry: Entry, reason: 'silent' | 'said bye' | 'banned'): void {
    entry.leftAt = reason === 'silent' ? entry.heardAt : this.#options.now()
    if (!entry.isLive) return
    entry.isLive = false
    this.#onEvent({ type: 'left', peer: entry.peer, reason })
  }

  #isOurs(peer: PeerInfo): boolean {
    return peer.id !== this.#options.selfId && peer.clusterFingerprint === this.#options.clusterFingerprint
  }

  #isFresh(heardAt: number): boolean {
    return this.#options.now() - heardAt < MISSED_HEARTBEATS * this.#options.heartbeatMs
  }
}

/** Fresh facts win; addresses add up, those that we saw ourselves before those that others told. */
function merge(old: PeerInfo, fresh: PeerInfo, news: PeerNews): PeerInfo {
  if (news === 'hearsay') {
    const addresses = [...new Set([...old.addresses, ...fresh.addresses])].slice(0, MAX_ADDRESSES)
    return { ...old, addresses }
  }
  // A known order stays: the first address is the one that was found to work.
  const isNews = fresh.addresses.some((address) => !old.addresses.includes(address))
  const addresses = isNews ? [...new Set([...fresh.addresses, ...old.addresses])] : old.addresses
  return { ...fresh, addresses: addresses.slice(0, MAX_ADDRESSES) }
}

function endpointsOf(peer: PeerInfo): string[] {
  return peer.addresses.map((address) => toAuthority(address, peer.port))
}

/** Draws `limit` entries without repetition by a partial Fisher-Yates shuffle of a copy. */
export function drawSome<T>(entries: readonly T[], limit: number, random: () => number): T[] {
  const pool = [...entries]
  const count = Math.min(limit, pool.length)
  for (let index = 0; index < count; index += 1) {
    const other = index + Math.floor(random() * (pool.length - index))
    const [a, b] = [pool[index], pool[other]]
    if (a === undefined || b === undefined) break
    pool[index] = b
    pool[other] = a
  }
  return pool.slice(0, count)
}
