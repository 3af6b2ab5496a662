import { networkInterfaces } from 'node:os'
import { isLoopbackAddress } from '../../base/loopback.ts'
import { bareHost } from '../../base/url-host.ts'
import { canonicalHost } from '../protocol/peer-info.ts'

/** How often the interfaces are looked at again at most, in ms. */
const LOOK_AGAIN_MS = 1000

export interface OwnAddressesOptions {
  readonly usesTls: boolean
  /** The port that this process listens on. */
  readonly port: () => number
  /** The address and port that others are told; no host means every address of this machine. */
  readonly advertise?: { readonly host: string | undefined; readonly port: number } | undefined
  /** @default every address of this machine's interfaces */
  readonly interfaces?: () => readonly string[]
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

/** Tells under which addresses this process is reached, so that it refuses what was sent to another host's. */
export class OwnAddresses {
  readonly #options: Required<OwnAddressesOptions>
  #hosts: ReadonlySet<string> = new Set()
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(options: OwnAddressesOptions) {
    this.#options = {
      advertise: undefined,
      interfaces: listAddresses,
      now: () => performance.now(),
      ...options,
    }
  }

  /** True when `at` (`http://host:port`) leads here for a sender whose address is `from`. */
  has(at: string, from: string): boolean {
    if (!URL.canParse(at)) return false
    const { usesTls, port, advertise } = this.#options
    const url = new URL(at)
    if (url.protocol !== (usesTls ? 'https:' : 'http:')) return false
    const host = canonicalHost(bareHost(url.hostname))
    const dialled = Number(url.port || (usesTls ? 443 : 80))
    if (advertise?.host !== undefined && dialled === advertise.port && host === canonicalHost(advertise.host))
      return true
    if (dialled !== port() && dialled !== advertise?.port) return false
    // Every host has this address: it means this one only to a sender on this very machine.
    return isLoopbackAddress(host) ? isLoopbackAddress(canonicalHost(from)) : this.#isHost(host)
  }

  #isHost(host: string): boolean {
    const { interfaces, now } = this.#options
    if (this.#hosts.has(host)) return true
    if (now() - this.#lookedAt < LOOK_AGAIN_MS) return false
    this.#lookedAt = now()
    this.#hosts = new Set(interfaces().map(canonicalHost))
    return this.#hosts.has(host)
  }
}

function listAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) => entries.map(({ address }) => address))
}
