import { BoundedMap } from '../../base/bounded-map.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'
import type { Membership } from './membership.ts'

/** Peers that are asked at once, and how many more may wait. */
const AT_ONCE = 16
const MOST_WAITING = 256
/** Peers of one sender that are asked or wait to be. */
const MOST_OF_SENDER = 8
/** Peers of one sender that may fail to answer within a window; after that it is not asked until the window ends. */
const MOST_FAILURES = 16
const WINDOW_MS = 10_000
/** Senders whose failures are remembered. */
const MOST_SENDERS = 4096
/** How long a peer that introduced itself may take to answer, in ms. */
const PATIENCE_MS = 3_000

export interface GreeterOptions {
  readonly membership: Pick<Membership, 'get' | 'heard' | 'isProvenAt' | 'standingOf'>
  /** Asks a peer whether it is there; rejects unless the peer of that id answers. */
  readonly knock: (peer: PeerInfo, signal: AbortSignal) => Promise<void>
  /** Ends everything. */
  readonly signal: AbortSignal
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

/**
 * Contacts peers that introduce themselves in a request at the address that the request came from: any host can write
 * such a header, so other peers hear of it only when that succeeds. The number of contacts is bounded, in all and by
 * sender.
 */
export class Greeter {
  readonly #options: Required<GreeterOptions>
  readonly #places = new Semaphore(AT_ONCE)
  /** By id and place, so that one peer is asked once however many requests it sends. */
  readonly #greetings = new Map<string, Promise<boolean>>()
  readonly #bySender = new Map<string, number>()
  readonly #failures = new BoundedMap<string, { readonly count: number; readonly until: number }>(
    MOST_SENDERS,
  )

  constructor(options: GreeterOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /** True once the peer has answered at the address that it asks from, or at another address that it may name. */
  async greet(peer: PeerInfo): Promise<boolean> {
    const [sender = ''] = peer.addresses
    const { membership } = this.#options
    if (membership.isProvenAt(peer.id, sender, peer.port)) return membership.heard(peer, 'direct')
    const place = `${peer.id} ${sender} ${peer.port}`
    const running = this.#greetings.get(place)
    if (running) return await running
    if (!this.#mayAsk(sender)) return false
    this.#bySender.set(sender, (this.#bySender.get(sender) ?? 0) + 1)
    const greeting = this.#ask(peer).then((isThere) => {
      this.#greetings.delete(place)
      this.#release(sender)
      if (!isThere) this.#noteFailure(sender)
      return isThere
    })
    this.#greetings.set(place, greeting)
    return await greeting
  }

  #mayAsk(sender: string): boolean {
    const { count = 0, until = 0 } = this.#failures.get(sender) ?? {}
    if (count >= MOST_FAILURES && until > this.#options.now()) return false
    const isFull = this.#greetings.size >= AT_ONCE + MOST_WAITING
    return !isFull && (this.#bySender.get(sender) ?? 0) < MOST_OF_SENDER
  }

  async #ask(peer: PeerInfo): Promise<boolean> {
    const { membership, knock, signal } = this.#options
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
    try {
      return await this.#places.run(async () => {
        // The peer already known by that id is asked first: while it answers, another host with the same id changes nothing.
        const old = membership.standingOf(peer.id) === 'told' ? undefined : membership.get(peer.id)
        if (old && (await isThere(knock(old, limit)))) return isSamePlace(old, peer)
        await knock(peer, limit)
        return peer.addresses.some((host) => membership.isProvenAt(peer.id, host, peer.port))
      }, limit)
    } catch {
      return false
    }
  }

  #release(sender: string): void {
    const left = (this.#bySender.get(sender) ?? 1) - 1
    if (left === 0) this.#bySender.delete(sender)
    else this.#bySender.set(sender, left)
  }

  #noteFailure(sender: string): void {
    const now = this.#options.now()
    const before = this.#failures.get(sender)
    const isOver = !before || before.until <= now
    this.#failures.set(
      sender,
      isOver ? { count: 1, until: now + WINDOW_MS } : { ...before, count: before.count + 1 },
    )
  }
}

function isThere(knocked: Promise<void>): Promise<boolean> {
  return knocked.then(
    () => true,
    () => false,
  )
}

function isSamePlace(a: PeerInfo, b: PeerInfo): boolean {
  return a.port === b.port && b.addresses.some((address) => a.addresses.includes(address))
}
