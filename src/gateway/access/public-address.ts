import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { DfhfError } from '../../base/errors.ts'
import { plainAddress } from '../../base/plain-address.ts'
import { bareHost } from '../../base/url-host.ts'

/** All that the IANA has given out for the internet of IPv6; tunnels and translations to IPv4 are none of it. */
const internet = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * True for an address out on the internet: not one of this machine or network, nor one that a gateway on the way turns
 * into such (RFC 6890, and 6to4, Teredo and NAT64, which carry an IPv4 address inside).
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.parse(plainAddress(address))
  return parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || parsed.match(internet))
}

/**
 * The addresses of a host name; throws where one leads into this network, unless `mayBeInward`. The caller connects to
 * one of these and not to the name, which could resolve to another address by then.
 */
export async function resolveHost(
  hostname: string,
  options: { readonly mayBeInward: boolean },
): Promise<readonly string[]> {
  const bare = bareHost(hostname)
  const found = isIP(bare) ? [{ address: bare }] : await lookUp(bare)
  const addresses = found.map(({ address }) => address)
  if (options.mayBeInward || addresses.every(isPublicAddress)) return addresses
  throw new DfhfError('forbidden', `${hostname} is an address of this network`, {
    hint: 'name it with --allow-host if that is meant',
  })
}

async function lookUp(hostname: string): Promise<readonly { readonly address: string }[]> {
  try {
    return await lookup(hostname, { all: true })
  } catch (cause) {
    throw new DfhfError('network', `cannot find ${hostname}: no host of that name`, {
      retryable: true,
      cause,
    })
  }
}
