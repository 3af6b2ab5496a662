/** A URL as messages may show it: no user, no query, no fragment, since signed URLs carry their secret there. */
export function redactUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? parse(url) : url
  if (!parsed) return 'an unreadable URL'
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${parsed.search === '' ? '' : '?…'}`
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}
