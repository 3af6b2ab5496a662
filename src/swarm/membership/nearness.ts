import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { PeerInfo } from '../protocol/peer-info.ts'

/** How long the subnets of this machine count as known, in ms. */
const LOOK_AGAIN_MS = 60_000

export interface NearnessOptions {
  /** The zone that the user named for this process. */
  readonly zone: string | undefined
  /** The subnets of this machine as `address/length`. @default those of its interfaces */
  readonly subnets?: () => readonly string[]
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

/** Tells which peers are beyond links that are worth sparing: in another zone, or on another subnet where no zones are named. */
export class Nearness {
  readonly #options: Required<NearnessOptions>
  #subnets = new BlockList()
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(options: NearnessOptions) {
    this.#options = { subnets: listSubnets, now: () => performance.now(), ...options }
  }

  isFar({ zone, addresses: [address] }: PeerInfo): boolean {
    if (this.#options.zone !== undefined && zone !== undefined) return zone !== this.#options.zone
    const family = isIP(address ?? '')
    if (address === undefined || family === 0) return false
    this.#look()
    return !this.#subnets.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }

  #look(): void {
    const { now, subnets } = this.#options
    if (now() - this.#lookedAt < LOOK_AGAIN_MS) return
    this.#lookedAt = now()
    this.#subnets = new BlockList()
    for (const subnet of subnets()) {
      const [net = '', length] = subnet.split('/')
      this.#subnets.addSubnet(net, Number(length), isIP(net) === 6 ? 'ipv6' : 'ipv4')
    }
  }
}

function listSubnets(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) =>
    entries.flatMap(({ cidr }) => cidr ?? []),
  )
}
