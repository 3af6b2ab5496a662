/** A URL's host name without the brackets that stand around an address of IPv6. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
