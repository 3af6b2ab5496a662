import { isSha256, type Sha256 } from '../blob/oid.ts'
import { isSafeForToken, type TokenRule } from './tokens.ts'

const officialHosts = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co', 'hub-ci.huggingface.co'])

/** True for a host name of the Hub itself. */
export function isOfficialHost(host: string): boolean {
  return officialHosts.has(host.toLowerCase())
}

/** True for the CDN in front of the Hub's LFS store; Xet's bridge has other hashes in its addresses. */
export function isLfsHost(host: string): boolean {
  return /^cdn-lfs(?:-[a-z0-9]+)*\.(?:huggingface|hf)\.co$/i.test(host)
}

/**
 * The oid in the path of an address on the CDN of the LFS store: `/repos/<2 digits>/<2 more>/<repo's hash>/<oid>`.
 * Anywhere else the last part of a path is a name that its author chose.
 */
export function lfsOidOf(pathname: string): Sha256 | undefined {
  const [, , , oid = ''] =
    /^\/repos\/([0-9a-f]{2})\/([0-9a-f]{2})\/\1\2[0-9a-f]{60}\/([0-9a-f]{64})$/.exec(pathname) ?? []
  return isSha256(oid) ? oid : undefined
}

/**
 * True when a redirect of the Hub's metadata is followed rather than reported, as huggingface_hub 1.33 does: to the
 * same host name at any port, to the endpoint's, or to one of the Hub's own.
 */
export function isHubRedirect(from: URL, to: URL, endpoint: URL): boolean {
  return to.hostname === from.hostname || to.hostname === endpoint.hostname || isOfficialHost(to.hostname)
}

/**
 * The one rule for every token, this node's or that of a client of its gateway: whether it may go along with a request
 * to `url`: only to the Hub at `endpoint`, and only where no host on the way can read it.
 */
export function mayCarryToken(url: URL, endpoint: URL, rule?: TokenRule): boolean {
  return isHubsOwn(url, endpoint) && isSafeForToken(url, rule)
}

/** True for addresses that the Hub at `endpoint` answers itself: its own origin, or the Hub's over https. */
export function isHubsOwn(url: URL, endpoint: URL): boolean {
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
