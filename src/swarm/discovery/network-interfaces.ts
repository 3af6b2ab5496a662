import { networkInterfaces } from 'node:os'

/** A network interface that is up. */
export interface NetworkInterface {
  readonly name: string
  /** The IPv4 address by which the system knows it. */
  readonly address: string
  /** All addresses at which other hosts on this network reach this one, that one first. */
  readonly addresses: readonly string[]
}

/** A host with hundreds of container networks needs no socket on each. */
const MAX_INTERFACES = 32

/** The interfaces that are up and have an IPv4 address, loopback included. */
export function listInterfaces(): NetworkInterface[] {
  const found: NetworkInterface[] = []
  for (const [name, entries = []] of Object.entries(networkInterfaces())) {
    const v4 = entries.filter(({ family }) => family === 'IPv4').map(({ address }) => address)
    // A link-local IPv6 address is of no use without its scope, which differs on each host.
    const v6 = entries
      .filter(({ family, address }) => family === 'IPv6' && !address.startsWith('fe80'))
      .map(({ address }) => address)
    const [address] = v4
    if (address !== undefined) found.push({ name, address, addresses: [...v4, ...v6].slice(0, 4) })
  }
  return found.slice(0, MAX_INTERFACES)
}
