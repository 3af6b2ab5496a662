import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { bareHost } from '../../base/bare-host.ts'
import { DfhfError } from '../../base/errors.ts'

/** Addresses that lead to this machine, this network, or nowhere (RFC 6890). */
const inward = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  inward.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  inward.addSubnet(net, bits, 'ipv6')

/** True for an address out on the internet. */
export function isPublicAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  const plain = mapped ?? address
  const family = isIP(plain)
  return family !== 0 && !inward.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/**
 * The addresses of a host name, of which none may lead inward unless `mayBeInward`. Connecting to one of these and not
 * to the name leaves no time for the name to change its meaning.
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
