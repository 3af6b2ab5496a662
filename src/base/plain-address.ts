import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An IPv4 address as such, also where a socket or a URL writes it as an IPv6 one (RFC 4291, 2.5.5.2). */
export function plainAddress(address: string): string {
  // The parser takes `::10.0.0.7` for `::ffff:10.0.0.7`, which is another address.
  if (isIP(address) !== 6 || !/:ffff:/i.test(address)) return address
  const parsed = ipaddr.IPv6.parse(address)
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : address
}
