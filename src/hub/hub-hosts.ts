/** Where the Hub is when nothing else is said. */
export const DEFAULT_ENDPOINT = 'https://huggingface.co'

const officialHosts = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co', 'hub-ci.huggingface.co'])

/** True for a host name of the Hub itself. */
export function isOfficialHost(host: string): boolean {
  return officialHosts.has(host.toLowerCase())
}

/**
 * True when a redirect of the Hub's metadata is followed rather than reported, as huggingface_hub 1.33 does: to the
 * same host name whatever the port, to the endpoint's, or to one of the Hub's own.
 */
export function isHubRedirect(from: URL, to: URL, endpoint: URL): boolean {
  return to.hostname === from.hostname || to.hostname === endpoint.hostname || isOfficialHost(to.hostname)
}

/** True when the token for `endpoint` may go along with a request to `url`: its own origin, or the Hub's over https. */
export function mayCarryToken(url: URL, endpoint: URL): boolean {
  if (url.origin === endpoint.origin) return true
  if (url.protocol !== 'https:') return false
  const isUpgrade =
    endpoint.protocol === 'http:' &&
    endpoint.port === '' &&
    url.port === '' &&
    url.hostname === endpoint.hostname
  return (
    isUpgrade || (url.port === '' && isOfficialHost(url.hostname) && url.hostname !== 'hub-ci.huggingface.co')
  )
}
