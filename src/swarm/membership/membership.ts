import { type KnownPeer, type PeerInfo, toAuthority } from '../protocol/peer-info.ts'
import { BanList } from './ban-list.ts'
import { isDialable } from './dialable.ts'
import { drawSome } from './draw-some.ts'
import { Introductions } from './introductions.ts'
import { type MembershipOptions, MISSED_HEARTBEATS, membershipDefaults } from './membership-options.ts'
import type { LeaveReason, MembershipEvent, PeerNews, Standing } from './peer-news.ts'
import { type Endpoint, PeerRecord } from './peer-record.ts'

/** How long a peer that is gone is remembered, so that its return is known as one. */
const FORGET_AFTER_MS = 10 * 60 * 1000

/** The peers that this process knows: who lives, who is gone, who is banned. No timers: call `sweep` now and then. */
export class Membership {
  readonly #options: Required<Omit<MembershipOptions, 'onEvent'>>
  readonly #onEvent: (event: MembershipEvent) => void
  readonly #records = new Map<string, PeerRecord>()
  readonly #told: Introductions
  #bansImposed = 0
  readonly #bans = new BanList()

  constructor(options: MembershipOptions) {
    const { heartbeatMs } = { ...membershipDefaults, ...options }
    this.#options = { ...membershipDefaults, silenceMs: MISSED_HEARTBEATS * heartbeatMs, ...options }
    this.#onEvent = options.onEvent ?? (() => {})
    const { maxTold, maxToldBySender } = this.#options
    this.#told = new Introductions({ total: maxTold, perSender: maxToldBySender })
  }

  /**
   * Takes in news of a peer that was alive `ageMs` ago; returns false when the peer is of another cluster. `teller` is the
   * address that announced or told of it.
   */
  heard(peer: PeerInfo, news: PeerNews, ageMs = 0, teller?: string): boolean {
    const heardAt = this.#options.now() - ageMs
    const isDirect = news === 'direct' || news === 'seed'
    const known = this.#records.get(peer.id)
    const usable = this.#usable(peer, isDirect ? undefined : teller, known)
    if (!this.#isOurs(peer) || !usable) return false
    if (!isDirect && known && heardAt <= known.leftAt) return false
    const record = known ?? this.#add(usable, news, heardAt, teller)
    if (!record) return false
    const wasTold = known !== undefined && !known.isProven
    if (news !== 'seed' && record.isFirm && !record.isAt(usable)) {
      // The peer answers at its proven place; that a teller names another place proves nothing.
      record.addClaim(usable)
      return true
    }
    if (isDirect) record.update(usable)
    else record.addClaim(usable)
    record.heardAt = Math.max(record.heardAt, heardAt)
    if (isDirect) this.#spoke(record, heardAt)
    if (news === 'seed') this.#proveSeed(record, usable)
    this.#revive(record, known === undefined)
    if (wasTold && record.isProven) this.#onEvent({ type: 'proven', peer: record.peer })
    return true
  }

  /** The peer answered at once at `address`: that one is tried first from now on, unless it answers elsewhere as well. */
  preferAddress(id: string, address: string): void {
    const record = this.#records.get(id)
    if (!record || record.isFirm) return
    const isCrowd = !record.isSeed && this.#countAt(address, id) >= this.#options.maxPeersAtAddress
    if (!isCrowd) record.prove({ host: address, port: record.peer.port })
    else {
      this.#end(record, 'crowded out')
      this.#forget(record)
    }
  }

  /** The peer did not answer at this place, or another one did. One that was silent for some heartbeats before is gone. */
  failed(id: string, at: Endpoint): void {
    const record = this.#records.get(id)
    record?.fail(at, this.#options.now())
    if (record && !this.#isHeardOf(record)) this.#end(record, 'silent')
  }

  /** The peer says, from `address`, that it ends. Ignored from an address that is not its own. */
  saidBye(id: string, address: string): void {
    const record = this.#records.get(id)
    if (!record) return
    const isItsOwn = record.proven ? record.proven.host === address : record.peer.addresses.includes(address)
    if (isItsOwn) this.#end(record, 'said bye')
  }

  /**
   * Shuts out for a time the host that answered as this peer at one place, by default where it answered last. Other
   * places that claim that id stay, or a liar could have an honest peer banned in its place.
   */
  ban(id: string, reason: string, durationMs: number, at?: Endpoint): void {
    this.#bansImposed += 1
    const record = this.#records.get(id)
    const until = this.#options.now() + durationMs
    const place = at ?? record?.proven
    const places = place ? [place] : (record?.endpoints() ?? [])
    // A host that answered at a place is shut out there under any id; a place that was only told of, for this id alone.
    for (const each of places) this.#bans.add(place ? keyOf(each) : keyOf(each, id), reason, until)
    if (!record) return
    const isLeft = places.map((each) => record.drop(each)).every((hasOthers) => hasOthers)
    if (isLeft && this.#keepAsTold(record)) return
    this.#end(record, 'banned')
    this.#forget(record)
  }

  /** How often a peer was banned since the start. */
  get bansImposed(): number {
    return this.#bansImposed
  }

  /** Why a peer is shut out wherever it is said to be; undefined when it is not. */
  banReason(peer: PeerInfo): string | undefined {
    const reasons = peer.addresses.map((host) => this.#banAt(peer, host))
    return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined
  }

  isBanned(peer: PeerInfo): boolean {
    return this.banReason(peer) !== undefined
  }

  /** Counts peers as gone that were silent for too long, and forgets those that have been gone for long. */
  sweep(): void {
    const now = this.#options.now()
    for (const record of [...this.#records.values()]) {
      if (record.isLive && !this.#isHeardOf(record)) this.#end(record, 'silent')
      // A peer that never spoke itself is forgotten at once: there is no return of it to report.
      if (!record.isLive && (!record.isProven || now - record.heardAt > FORGET_AFTER_MS)) this.#forget(record)
    }
    this.#bans.sweep(now)
  }

  /** The live peers: seeds, then those that spoke themselves, then those that were only told of, one of each teller in turn. */
  live(): PeerInfo[] {
    const groups: Record<Standing, PeerInfo[]> = { seed: [], proven: [], told: [] }
    for (const record of this.#records.values())
      if (record.isLive && record.isProven) groups[standingOf(record)].push(record.peer)
    for (const id of this.#told.inTurns()) {
      const record = this.#records.get(id)
      if (record?.isLive) groups.told.push(record.peer)
    }
    return [...groups.seed, ...groups.proven, ...groups.told]
  }

  /** A live peer by id. */
  get(id: string): PeerInfo | undefined {
    const record = this.#records.get(id)
    return record?.isLive ? record.peer : undefined
  }

  /** How many peers live. */
  get liveCount(): number {
    let count = 0
    for (const { isLive } of this.#records.values()) if (isLive) count += 1
    return count
  }

  /** How sure it is that a peer is what it is said to be. */
  standingOf(id: string): Standing {
    const record = this.#records.get(id)
    return record ? standingOf(record) : 'told'
  }

  /** True while the peer lives and answered at this place last. */
  isProvenAt(id: string, host: string, port: number): boolean {
    const { isLive = false, proven } = this.#records.get(id) ?? {}
    return isLive && proven?.host === host && proven.port === port
  }

  /** True when a live peer answered at this address. */
  isKnownAt(host: string, port: number): boolean {
    for (const { isLive, proven } of this.#records.values())
      if (isLive && proven?.host === host && proven.port === port) return true
    return false
  }

  /** Live peers that spoke to this process, with the age of the news; at most `limit`, drawn evenly with `random` (0 to below 1). */
  sample(limit: number, random: () => number): KnownPeer[] {
    const now = this.#options.now()
    const live = [...this.#records.values()].filter((record) => record.isLive && record.isProven)
    return drawSome(live, limit, random).map(({ peer, heardAt }) => ({ peer, ageMs: now - heardAt }))
  }

  /** Live peers that this process did not hear itself within one heartbeat, longest silence first. */
  unheard(): PeerInfo[] {
    const since = this.#options.now() - this.#options.heartbeatMs
    return [...this.#records.values()]
      .filter(({ isLive, directAt }) => isLive && directAt <= since)
      .sort((a, b) => (a.directAt < b.directAt ? -1 : 1))
      .map(({ peer }) => peer)
  }

  #add(peer: PeerInfo, news: PeerNews, heardAt: number, teller: string | undefined): PeerRecord | undefined {
    if (!this.#isFresh(heardAt)) return undefined
    const isTold = news === 'announced' || news === 'hearsay'
    const sender = teller ?? peer.addresses[0] ?? ''
    if (isTold && !this.#told.mayTell(sender)) return undefined
    if (isTold && this.#told.isFull) this.#forgetLeastWanted()
    if (news !== 'seed' && !this.#makeRoom()) return undefined
    const record = new PeerRecord(peer, heardAt, isTold ? sender : undefined)
    this.#records.set(peer.id, record)
    if (isTold) this.#told.add(sender, peer.id)
    return record
  }

  /** The peer spoke itself: it is no longer one that was only told of. */
  #spoke(record: PeerRecord, heardAt: number): void {
    record.directAt = Math.max(record.directAt, heardAt)
    if (record.introducer !== undefined) this.#told.remove(record.introducer, record.peer.id)
  }

  #proveSeed(record: PeerRecord, peer: PeerInfo): void {
    const [host] = peer.addresses
    if (host !== undefined) record.isSeed = record.prove({ host, port: peer.port })
  }

  #revive(record: PeerRecord, isNew: boolean): void {
    if (isNew) this.#onEvent({ type: 'joined', peer: record.peer })
    if (record.isLive || !this.#isHeardOf(record)) return
    record.isLive = true
    this.#onEvent({ type: 'back', peer: record.peer })
  }

  /** Makes room for one that is no seed: first go those that are gone, then those that never spoke themselves. */
  #makeRoom(): boolean {
    if (this.#records.size < this.#options.maxPeers) return true
    const seeds = [...this.#records.values()].filter(({ isSeed }) => isSeed)
    if (this.#records.size - seeds.length < this.#options.maxPeers) return true
    for (const record of this.#records.values()) {
      if (record.isLive || record.isSeed) continue
      this.#forget(record)
      return true
    }
    return this.#forgetLeastWanted()
  }

  #forgetLeastWanted(): boolean {
    const id = this.#told.leastWanted()
    const record = id === undefined ? undefined : this.#records.get(id)
    if (!record) return false
    this.#end(record, 'crowded out')
    this.#forget(record)
    return true
  }

  /** The places left to a peer whose proven place is gone were only told of; false when there is no room for it. */
  #keepAsTold(record: PeerRecord): boolean {
    if (record.isProven) return true
    record.introducer ??= record.peer.addresses[0] ?? ''
    if (this.#told.isFull || !this.#told.mayTell(record.introducer)) return false
    this.#told.add(record.introducer, record.peer.id)
    return true
  }

  #forget(record: PeerRecord): void {
    const { id } = record.peer
    this.#records.delete(id)
    if (record.introducer !== undefined) this.#told.remove(record.introducer, id)
  }

  #end(record: PeerRecord, reason: LeaveReason): void {
    record.leftAt = reason === 'silent' ? record.heardAt : this.#options.now()
    if (!record.isLive) return
    record.isLive = false
    this.#onEvent({ type: 'left', peer: record.peer, reason })
  }

  /** The peer at those of its addresses that may be asked; undefined when none is left. */
  #usable(peer: PeerInfo, teller: string | undefined, known: PeerRecord | undefined): PeerInfo | undefined {
    const { port } = peer
    // What was taken in before was looked at then; most of what peers tell is that.
    const mayAsk = (host: string) =>
      teller === undefined || known?.hasClaim({ host, port }) || isDialable(host, teller)
    const addresses = peer.addresses.filter((host) => this.#banAt(peer, host) === undefined && mayAsk(host))
    return addresses.length > 0 ? { ...peer, addresses } : undefined
  }

  #banAt({ id, port }: PeerInfo, host: string): string | undefined {
    const now = this.#options.now()
    const at = { host, port }
    return this.#bans.reasonFor(keyOf(at), now) ?? this.#bans.reasonFor(keyOf(at, id), now)
  }

  #countAt(host: string, exceptId: string): number {
    let count = 0
    for (const [id, { proven }] of this.#records) if (id !== exceptId && proven?.host === host) count += 1
    return count
  }

  #isOurs(peer: PeerInfo): boolean {
    const { selfId, clusterFingerprint: own, acceptedFingerprints } = this.#options
    const accepted = acceptedFingerprints?.() ?? [own]
    return peer.id !== selfId && accepted.includes(peer.clusterFingerprint)
  }

  /** False for a peer of which nothing was heard for too long; soon for one that did not answer since. */
  #isHeardOf({ heardAt, doubtedAt }: PeerRecord): boolean {
    const { now, heartbeatMs } = this.#options
    if (doubtedAt > heardAt && now() - heardAt >= MISSED_HEARTBEATS * heartbeatMs) return false
    return this.#isFresh(heardAt)
  }

  #isFresh(heardAt: number): boolean {
    return this.#options.now() - heardAt < this.#options.silenceMs
  }
}

function standingOf({ isSeed, isProven }: PeerRecord): Standing {
  return isSeed ? 'seed' : isProven ? 'proven' : 'told'
}

function keyOf({ host, port }: Endpoint, id = '*'): string {
  return `${id} ${toAuthority(host, port)}`
}
