/** A URL's host name without the brackets that stand around an address of IPv6. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** A host name or bare address as it stands in a URL, brackets around one of IPv6. */
export function urlHost(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
