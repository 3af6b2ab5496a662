/** The part of the package multicast-dns that is used here; it brings no types of its own. */
declare module 'multicast-dns' {
  import type { EventEmitter } from 'node:events'

  /** Where a packet came from or goes to. */
  export interface RemoteAddress {
    readonly address: string
    readonly port: number
  }

  /** A resource record; the type of `data` follows from `type`. */
  export interface DnsRecord {
    readonly name: string
    readonly type: string
    readonly ttl?: number
    /** True for a record of which there can be only one: receivers drop what they had (RFC 6762, 10.2). */
    readonly flush?: boolean
    readonly data?: unknown
  }

  export interface DnsQuestion {
    readonly name: string
    readonly type: string
  }

  export interface DnsPacket {
    readonly id?: number
    readonly questions?: readonly DnsQuestion[]
    readonly answers?: readonly DnsRecord[]
    readonly additionals?: readonly DnsRecord[]
  }

  export interface MulticastDns extends EventEmitter {
    query(
      packet: { id?: number; questions: readonly DnsQuestion[] },
      done?: (error?: Error | null) => void,
    ): void
    respond(packet: DnsPacket, to?: RemoteAddress, done?: (error?: Error | null) => void): void
    destroy(done?: () => void): void
  }

  export interface MulticastDnsOptions {
    /** Joins the group on the interface with this address and sends there. */
    readonly interface: string
    /** The address to bind; Linux delivers no multicast to a socket bound to an interface's own address. */
    readonly bind: string
    readonly port?: number
    readonly reuseAddr?: boolean
  }

  export default function multicastDns(options: MulticastDnsOptions): MulticastDns
}
