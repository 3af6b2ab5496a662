import { BlockList, isIP } from 'node:net'
import { isLoopbackAddress } from '../../base/loopback.ts'
import { canonicalHost } from '../protocol/peer-info.ts'

/** Addresses that belong to no single host: unspecified, multicast, broadcast, reserved (RFC 6890). */
const nowhere = listOf(['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4'], ['::/128', 'ff00::/8'])
/** Addresses that each network has of its own; clouds answer with their metadata at one of them. */
const linkLocal = listOf(['169.254.0.0/16'], ['fe80::/10'])

/**
 * Whether an address that `teller` told of may be asked at all. Loopback and link-local ones mean another host
 * there than here, and would let a stranger have this process ask its own machine.
 */
export function isDialable(address: string, teller: string): boolean {
  const [host, from] = [canonicalHost(address), canonicalHost(teller)]
  if (isIP(host) === 0 || isIn(nowhere, host)) return false
  if (isLoopbackAddress(host)) return isLoopbackAddress(from)
  return !isIn(linkLocal, host) || isIn(linkLocal, from)
}

function listOf(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList()
  for (const [subnets, family] of [[v4, 'ipv4'] as const, [v6, 'ipv6'] as const]) {
    for (const subnet of subnets) {
      const [net = '', length] = subnet.split('/')
      list.addSubnet(net, Number(length), family)
    }
  }
  return list
}

function isIn(list: BlockList, host: string): boolean {
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}
