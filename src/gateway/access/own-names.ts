import { networkInterfaces } from 'node:os'
import { DfhfError } from '../../base/errors.ts'
import { isLoopbackHost } from '../../base/loopback.ts'
import { urlHost } from '../../base/url-host.ts'

/** The settings that decide by which names clients may call a gateway. */
export interface OwnNamesOptions {
  /** Where it listens; undefined for every address. */
  readonly listenHost: string | undefined
  /** Further names, as `--gateway-host` takes them. */
  readonly names: readonly string[]
  /** The addresses of this machine's interfaces now. @default as the system says */
  readonly addresses?: (() => readonly string[]) | undefined
}

/**
 * The names by which a client may call the gateway: loopback ones, addresses of this machine, and what the operator
 * added. A request under any other name came by mistake, or from a web page whose name was pointed at this machine
 * (DNS rebinding).
 */
export class OwnNames {
  readonly #names: ReadonlySet<string>
  readonly #addresses: () => readonly string[]

  constructor({ listenHost, names, addresses = interfaceAddresses }: OwnNamesOptions) {
    const listed = names.map((text) => {
      const name = hostNameOf(text)
      if (name !== undefined) return name
      throw new DfhfError('usage', `not a host name: '${text}'`, {
        hint: 'write --gateway-host node.example.org',
      })
    })
    const listening = listenHost === undefined ? ['0.0.0.0', '[::]'] : [urlHost(listenHost.toLowerCase())]
    this.#names = new Set([...listed, ...listening])
    this.#addresses = addresses
  }

  /** Whether a Host header names this gateway; `localAddress` is the one that the client connected to. */
  isOwn(host: string | null, localAddress: string): boolean {
    const name = host === null ? undefined : hostNameOf(host)
    if (name === undefined) return false
    if (isLoopbackHost(name) || this.#names.has(name)) return true
    // Only addresses are looked up: a machine's own name may be one that others answer to as well.
    if (!/^\[|^[\d.]+$/.test(name)) return false
    return name === urlHost(localAddress) || this.#addresses().some((each) => urlHost(each) === name)
  }
}

/** The name in a Host header as URLs write it, without its port; undefined for what is none. */
export function hostNameOf(text: string): string | undefined {
  if (!/^(?:\[[0-9a-f:.]{2,45}\]|[\w.-]{1,253})(?::\d{1,5})?$/i.test(text)) return undefined
  const url = `http://${text}`
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : undefined
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
}
