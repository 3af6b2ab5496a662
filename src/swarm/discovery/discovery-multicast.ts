import multicastDns, { type DnsPacket, type MulticastDns, type RemoteAddress } from 'multicast-dns'
import { delay } from '../../base/delay.ts'
import type { DfhfError } from '../../base/errors.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { HEARTBEAT_MS } from '../membership/membership-options.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'
import { OtherProtocolError } from '../protocol/protocol-version.ts'
import { announcedIn, announcementOf, answerTo, serviceAnswer, whoIsThere } from './dns-sd.ts'
import { listInterfaces, type NetworkInterface } from './network-interfaces.ts'

const MDNS_PORT = 5353
/** When to announce after an interface came up: at once, and again for peers that were not listening yet. */
const BURST_MS = [0, 100, 300, 1000]
/**
 * At most one response on an interface in this time, however many ask, but for so many at once: whoever asks is about to
 * ask the Hub, and hosts that start together ask within a moment.
 */
const ANSWER_PAUSE_MS = 40
const ANSWERS_AT_ONCE = 4
/** How long the question may take to come back here, in ms; where it does not, the network brings no multicast. */
const HEARD_BACK_MS = 100
/**
 * How long answers may take from then on: so many times what that took, as it tells how busy this machine is, and at least
 * and at the most these ms. Of 92 hosts that asked four at a time on two busy cores, two had an answer later than that.
 */
const ANSWER_SHARE = 3
const LEAST_ANSWER_MS = 15
const LONGEST_ANSWER_MS = 200
const INTERFACE_CHECK_MS = 15_000
/**
 * So much longer, in ms, is the time between two announcements for each peer known, up to a limit: a network of many
 * peers then carries about one of them a second. Newcomers ask, and do not wait for them.
 */
const PAUSE_PER_PEER_MS = 1_000
const LONGEST_PAUSE_MS = 600_000
/** How long the goodbye may take to leave. */
const GOODBYE_MS = 200

export interface MulticastOptions {
  /** This process; asked anew each time. */
  readonly self: () => PeerInfo
  /** A packet from `sender` announced a peer; announcements of this process itself are not reported. */
  readonly onPeer: (peer: PeerInfo, sender: string) => void
  /** A peer withdrew its announcement, from this address. */
  readonly onBye: (id: string, address: string) => void
  /** How many peers are known. @default none */
  readonly peerCount?: () => number
  /** The least time between two announcements, in ms. @default HEARTBEAT_MS */
  /** Called for a peer that announced itself and speaks another version of the protocol. */
  readonly onOtherProtocol?: (error: DfhfError) => void
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  /** Another port than that of mDNS, for tests. @default 5353 */
  readonly port?: number
  readonly interfaces?: () => readonly NetworkInterface[]
  readonly log?: Log
}

/** Finds peers by DNS-SD over multicast on every interface. Where a network does not allow it, that is a debug line. */
export class MulticastDiscovery {
  readonly #options: Required<MulticastOptions>
  readonly #links = new Map<string, MulticastLink>()
  #check: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined

  constructor(options: MulticastOptions) {
    this.#options = {
      heartbeatMs: HEARTBEAT_MS,
      peerCount: () => 0,
      port: MDNS_PORT,
      interfaces: listInterfaces,
      onOtherProtocol: () => {},
      log: silentLog,
      ...options,
    }
  }

  /** Opens a socket on every interface and announces this process. Returns at once. */
  start(): void {
    this.checkInterfaces()
    this.#check = setInterval(() => this.checkInterfaces(), INTERFACE_CHECK_MS)
    this.#announceLater()
  }

  /**
   * Resolves when those on these networks that heard the question have had the time to answer. A question that came back
   * was sent; where none can be sent there is nothing to wait for.
   */
  async answered(): Promise<void> {
    const allBack = Promise.all([...this.#links.values()].map(({ heardBack }) => heardBack))
    const tookMs = await Promise.race([allBack, delay(HEARD_BACK_MS).then(() => [])])
    const answerMs = Math.max(LEAST_ANSWER_MS, ANSWER_SHARE * Math.max(0, ...tookMs))
    await delay(Math.min(LONGEST_ANSWER_MS, answerMs))
  }

  /** Says goodbye and closes; resolves within a moment even when nothing can be sent. */
  async stop(): Promise<void> {
    clearInterval(this.#check)
    clearTimeout(this.#heartbeat)
    const links = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(links.map((link) => link.close()))
  }

  /** Opens sockets on interfaces that came up and closes those of interfaces that went. */
  checkInterfaces(): void {
    const present = new Map<string, NetworkInterface>()
    for (const link of this.#options.interfaces()) present.set(`${link.name} ${link.addresses.join()}`, link)
    for (const [key, link] of this.#links) {
      if (present.has(key) && link.isOpen) continue
      this.#links.delete(key)
      link.abandon()
    }
    for (const [key, at] of present) {
      if (!this.#links.has(key)) this.#links.set(key, new MulticastLink(at, this.#options))
    }
  }

  #announceLater(): void {
    this.#heartbeat = setTimeout(() => {
      for (const link of this.#links.values()) link.announce()
      this.#announceLater()
    }, pauseOf(this.#options))
  }
}

function pauseOf({ heartbeatMs, peerCount }: Required<MulticastOptions>): number {
  return Math.max(heartbeatMs, Math.min(PAUSE_PER_PEER_MS * peerCount(), LONGEST_PAUSE_MS))
}

/** Multicast on one interface. */
class MulticastLink {
  readonly #at: NetworkInterface
  readonly #options: Required<MulticastOptions>
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Receivers have to ignore it (RFC 6762, 18.1). */
  readonly #questionId = 1 + Math.floor(Math.random() * 65_535)
  readonly #heardBack = Promise.withResolvers<number>()
  #askedAt = 0
  #socket: MulticastDns | undefined
  /** Until when the answers so far are paid for. */
  #answeredUntil = 0
  #isAnswerDue = false

  constructor(at: NetworkInterface, options: Required<MulticastOptions>) {
    this.#at = at
    this.#options = options
    try {
      this.#open()
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** False once the socket failed; a new link may fare better. */
  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  /** Resolves with the ms after which the question came back here, or once it cannot be asked. */
  get heardBack(): Promise<number> {
    return this.#heardBack.promise
  }

  /** In seconds. */
  get #ttl(): number {
    return Math.max(1, Math.round((3 * pauseOf(this.#options)) / 1000))
  }

  announce(): void {
    this.#answeredUntil = Math.max(this.#answeredUntil, performance.now()) + ANSWER_PAUSE_MS
    this.#send(this.#announcement(this.#ttl))
  }

  async close(): Promise<void> {
    const socket = this.#socket
    this.#stopTimers()
    if (socket) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GOODBYE_MS)
        this.#send(this.#announcement(0), undefined, () => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    this.abandon()
  }

  /** Closes without a goodbye. */
  abandon(): void {
    this.#stopTimers()
    this.#heardBack.resolve(0)
    const socket = this.#socket
    this.#socket = undefined
    try {
      socket?.destroy()
    } catch {
      // The socket was never bound.
    }
  }

  #open(): void {
    const { port } = this.#options
    const socket = multicastDns({ interface: this.#at.address, bind: '0.0.0.0', port, reuseAddr: true })
    this.#socket = socket
    socket.on('error', (error: unknown) => this.#giveUp(error))
    socket.on('warning', (error: unknown) => {
      this.#options.log.debug(`multicast on ${this.#at.name}: ${String(error)}`)
    })
    socket.on('query', (packet: DnsPacket, from: RemoteAddress) => this.#answer(packet, from))
    socket.on('response', (packet: DnsPacket, from: RemoteAddress) => this.#hear(packet, from))
    socket.on('ready', () => {
      this.#askedAt = performance.now()
      socket.query({ id: this.#questionId, questions: whoIsThere }, (error) => {
        if (error) this.#heardBack.resolve(0)
      })
      for (const ms of BURST_MS) this.#after(ms, () => this.announce())
    })
  }

  #giveUp(error: unknown): void {
    this.#options.log.debug(`no multicast on ${this.#at.name}: ${String(error)}`)
    this.abandon()
  }

  #hear(packet: DnsPacket, from: RemoteAddress): void {
    const { self, onPeer, onBye, onOtherProtocol } = this.#options
    for (const { peer, isLeaving, otherProtocol } of announcedIn(packet, from.address)) {
      if (peer.id === self().id) continue
      // The addresses in a packet may be those of another peer.
      if (otherProtocol !== undefined) onOtherProtocol(new OtherProtocolError(peer.name, otherProtocol))
      else if (isLeaving) onBye(peer.id, from.address)
      else onPeer(peer, from.address)
    }
  }

  #answer(packet: DnsPacket, from: RemoteAddress): void {
    const { self, port } = this.#options
    if (packet.id === this.#questionId) this.#heardBack.resolve(performance.now() - this.#askedAt)
    const questions = packet.questions ?? []
    const kind = answerTo(questions, self())
    if (!kind) return
    if (from.port !== port) {
      // A plain resolver asked: it wants its own id and question back (RFC 6762, 6.7).
      const answer = kind === 'service' ? serviceAnswer(this.#ttl) : this.#announcement(this.#ttl)
      this.#send({ ...answer, id: packet.id ?? 0, questions }, from)
    } else if (kind === 'service') this.#send(serviceAnswer(this.#ttl))
    else this.#announceSoon()
  }

  /** Addresses that this process was told to give win over those of the interface. */
  #announcement(ttl: number): DnsPacket {
    const self = this.#options.self()
    return announcementOf(self, self.addresses.length > 0 ? self.addresses : this.#at.addresses, ttl)
  }

  #announceSoon(): void {
    if (this.#isAnswerDue) return
    this.#isAnswerDue = true
    const early = (ANSWERS_AT_ONCE - 1) * ANSWER_PAUSE_MS
    this.#after(Math.max(0, this.#answeredUntil - early - performance.now()), () => {
      this.#isAnswerDue = false
      this.announce()
    })
  }

  #send(packet: DnsPacket, to?: RemoteAddress, done: (error?: Error | null) => void = () => {}): void {
    const report = (error?: Error | null) => {
      if (error) this.#options.log.debug(`multicast on ${this.#at.name}: ${String(error)}`)
      done(error)
    }
    try {
      if (!this.#socket) done()
      else this.#socket.respond({ ...packet }, to, report)
    } catch (error) {
      report(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, ms)
    this.#timers.add(timer)
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
