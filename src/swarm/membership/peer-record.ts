import { MAX_ADDRESSES, type PeerInfo } from '../protocol/peer-info.ts'

/** Where a peer is reached. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** How many ports one id may be said to be at. */
const MAX_CLAIMS = 4

/**
 * What is known of one peer id. Any host can say that an id is at some address, so such words are kept as claims, to
 * be tried in order, and give way to the place where the peer was found to answer.
 */
export class PeerRecord {
  /** When this process or a teller last heard it. */
  heardAt: number
  /** When this process last heard it itself; -Infinity when never. */
  directAt = Number.NEGATIVE_INFINITY
  isLive = true
  /** News from before this moment does not bring it back. */
  leftAt = Number.NEGATIVE_INFINITY
  /** True for a seed that was given by hand. */
  isSeed = false
  /** The address of the teller, until the peer was heard directly. */
  introducer: string | undefined
  /** Each with a port of its own; the first is the one to try. */
  #claims: PeerInfo[]
  #proven: Endpoint | undefined
  #doubtedAt = Number.NEGATIVE_INFINITY
  #failures = 0

  constructor(peer: PeerInfo, heardAt: number, introducer: string | undefined) {
    this.#claims = [peer]
    this.heardAt = heardAt
    this.introducer = introducer
  }

  /** The peer as it is to be asked. */
  get peer(): PeerInfo {
    const [first] = this.#claims
    if (!first) throw new Error('a record has at least one claim')
    return first
  }

  /** Where it answered this process; undefined before it did. */
  get proven(): Endpoint | undefined {
    return this.#proven
  }

  /** When it last failed to answer where it had been found; -Infinity once it answered again. */
  get doubtedAt(): number {
    return this.#doubtedAt
  }

  /** True when the peer itself spoke to this process. */
  get isProven(): boolean {
    return this.directAt > Number.NEGATIVE_INFINITY
  }

  /** True while it answers at its proven place: no teller moves it then. */
  get isFirm(): boolean {
    return this.isLive && this.#proven !== undefined && !this.#isDoubted
  }

  /** True when it is said to be at this place already. */
  hasClaim({ host, port }: Endpoint): boolean {
    return this.#claims.some((claim) => claim.port === port && claim.addresses.includes(host))
  }

  /** True when `peer` is said to be where it was proven to be, or that is not known. */
  isAt(peer: PeerInfo): boolean {
    const proven = this.#proven
    return !proven || (peer.port === proven.port && peer.addresses.includes(proven.host))
  }

  /** Takes in what the peer says of itself: fresh facts win, and addresses add up. */
  update(fresh: PeerInfo): void {
    const old = this.peer
    if (!isSameKind(old, fresh)) {
      this.#claims = [fresh, ...this.#claims.filter((claim) => !isSameKind(claim, fresh))].slice(
        0,
        MAX_CLAIMS,
      )
      return
    }
    // A known order stays: the first address is the one that was found to work.
    const isNews = fresh.addresses.some((address) => !old.addresses.includes(address))
    const addresses = isNews ? [...new Set([...fresh.addresses, ...old.addresses])] : old.addresses
    this.#replace({ ...fresh, addresses: addresses.slice(0, MAX_ADDRESSES) })
  }

  /** Takes in where a teller says that it is, to be tried after all known places. */
  addClaim(told: PeerInfo): void {
    const at = this.#claims.findIndex((claim) => isSameKind(claim, told))
    const claim = this.#claims[at]
    if (claim) {
      const addresses = [...new Set([...claim.addresses, ...told.addresses])].slice(0, MAX_ADDRESSES)
      this.#claims[at] = { ...claim, addresses }
    } else this.#claims = [...this.#claims.slice(0, MAX_CLAIMS - 1), told]
  }

  /** The peer answered at this place: that one is tried first from now on. False for a place that is not among its claims. */
  prove({ host, port }: Endpoint): boolean {
    const claim = this.#claims.find((each) => each.port === port && each.addresses.includes(host))
    if (!claim) return false
    const addresses = [host, ...claim.addresses.filter((other) => other !== host)]
    this.#claims = [{ ...claim, addresses }, ...this.#claims.filter((other) => other !== claim)]
    this.#proven = { host, port }
    this.#doubtedAt = Number.NEGATIVE_INFINITY
    this.#failures = 0
    return true
  }

  /** The peer did not answer at this place at the moment `now`: others are tried first. */
  fail({ host, port }: Endpoint, now: number): void {
    if (this.#proven?.host === host && this.#proven.port === port) this.#doubtedAt = now
    if (this.#proven && !this.#isDoubted) return
    const { peer } = this
    if (peer.port !== port || !peer.addresses.includes(host)) return
    this.#replace({ ...peer, addresses: [...peer.addresses.filter((other) => other !== host), host] })
    this.#failures += 1
    if (this.#failures < peer.addresses.length) return
    this.#claims = [...this.#claims.slice(1), this.peer]
    this.#failures = 0
  }

  /** Forgets a place. False when none is left. */
  drop({ host, port }: Endpoint): boolean {
    const claims = this.#claims
      .map((claim) =>
        claim.port === port
          ? { ...claim, addresses: claim.addresses.filter((address) => address !== host) }
          : claim,
      )
      .filter(({ addresses }) => addresses.length > 0)
    if (claims.length === 0) return false
    this.#claims = claims
    if (this.#proven?.host === host && this.#proven.port === port) {
      this.#proven = undefined
      this.directAt = Number.NEGATIVE_INFINITY
      this.isSeed = false
    }
    return true
  }

  /** Every place that it is said to be at. */
  endpoints(): Endpoint[] {
    return this.#claims.flatMap(({ addresses, port }) => addresses.map((host) => ({ host, port })))
  }

  get #isDoubted(): boolean {
    return this.#doubtedAt > Number.NEGATIVE_INFINITY
  }

  #replace(peer: PeerInfo): void {
    this.#claims = [peer, ...this.#claims.slice(1)]
  }
}

function isSameKind(a: PeerInfo, b: PeerInfo): boolean {
  return a.port === b.port && a.usesTls === b.usesTls
}
