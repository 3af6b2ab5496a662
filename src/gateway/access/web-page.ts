/**
 * True for a request that a web page had a browser send. Pages are refused on every route: they could have this
 * machine download, and read what it may read. Browsers mark requests to secure origins and to loopback by
 * Sec-Fetch-Site (W3C Fetch Metadata), where `none` is an address that the user typed, and many others by Origin;
 * towards a plain http address of the network an image has neither, and only the browser's own name is left.
 */
export function isFromWebPage(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (headers.has('origin') || (site !== null && site.trim().toLowerCase() !== 'none')) return true
  return site === null && /^\s*Mozilla\//i.test(headers.get('user-agent') ?? '')
}

/**
 * True where another page than one of the gateway's own had a browser send a request to read. A browser sends no Origin
 * when it reads from a page's own server, nor when its user typed the address.
 */
export function isFromOtherPage(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')?.trim().toLowerCase()
  return headers.has('origin') || (site !== undefined && site !== 'none' && site !== 'same-origin')
}
