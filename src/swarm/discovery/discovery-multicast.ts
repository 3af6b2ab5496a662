import multicastDns, { type DnsPacket, type MulticastDns, type RemoteAddress } from 'multicast-dns'
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
/** At most one response on an interface in this time, however many ask; short, as the peer that asks is about to ask the Hub. */
const ANSWER_PAUSE_MS = 40
const INTERFACE_CHECK_MS = 15_000
/** How long the goodbye may take to leave. */
const GOODBYE_MS = 200

export interface MulticastOptions {
  /** This process; asked anew each time. */
  readonly self: () => PeerInfo
  /** A packet from `sender` announced a peer; announcements of this process itself are not reported. */
  readonly onPeer: (peer: PeerInfo, sender: string) => void
  /** A peer withdrew its announcement, from this address. */
  readonly onBye: (id: string, address: string) => void
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
  #timers: NodeJS.Timeout[] = []

  constructor(options: MulticastOptions) {
    this.#options = {
      heartbeatMs: HEARTBEAT_MS,
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
    this.#timers = [
      setInterval(() => this.checkInterfaces(), INTERFACE_CHECK_MS),
      setInterval(() => this.#announce(), this.#options.heartbeatMs),
    ]
  }

  /** Says goodbye and closes; resolves within a moment even when nothing can be sent. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
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

  #announce(): void {
    for (const link of this.#links.values()) link.announce()
  }
}

/** Multicast on one interface. */
class MulticastLink {
  readonly #at: NetworkInterface
  readonly #options: Required<MulticastOptions>
  readonly #ttl: number
  readonly #timers = new Set<NodeJS.Timeout>()
  #socket: MulticastDns | undefined
  #mayAnswerAt = 0
  #isAnswerDue = false

  constructor(at: NetworkInterface, options: Required<MulticastOptions>) {
    this.#at = at
    this.#options = options
    this.#ttl = Math.max(1, Math.round((3 * options.heartbeatMs) / 1000))
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

  announce(): void {
    this.#mayAnswerAt = performance.now() + ANSWER_PAUSE_MS
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
      for (const ms of BURST_MS) this.#after(ms, () => this.announce())
      this.#after(0, () => this.#socket?.query({ questions: whoIsThere }))
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
    this.#after(Math.max(0, this.#mayAnswerAt - performance.now()), () => {
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
