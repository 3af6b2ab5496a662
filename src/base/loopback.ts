import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { bareHost } from './url-host.ts'

/** True for an address that means this very host to each host that uses it. */
export function isLoopbackAddress(address: string): boolean {
  const version = isIP(address)
  return version === 4
    ? address.startsWith('127.')
    : version !== 0 && ipaddr.parse(address).range() === 'loopback'
}

/** True for the names and addresses of this machine, as a URL writes them or without brackets. */
export function isLoopbackHost(hostname: string): boolean {
  const host = bareHost(hostname).toLowerCase()
  return host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host)
}
