import { isIPv6 } from 'node:net'

/**
 * Who counts as one sender where limits go by address: an IPv4 address, or the first half of an IPv6 address, since
 * one host may have any number of addresses that begin with it. On one link all share that half: there each is one.
 */
export function senderOf(address: string): string {
  if (!isIPv6(address) || /^fe[89ab]/i.test(address) || address === '::1') return address
  const [head = '', tail] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - first.length - (tail === '' ? 0 : tail.split(':').length)
  const groups = [...first, ...Array.from({ length: missing }, () => '0'), ...(tail ?? '').split(':')]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
