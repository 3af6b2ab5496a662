import { DfhfError } from '../../base/errors.ts'
import { isLfsHost, isOfficialHost } from '../../hub/hub-hosts.ts'

/** A server that may be reached through the proxy. */
export interface AllowedServer {
  /** The real server's origin, to which a client's plain http is turned. */
  readonly origin: string
  /** True where the operator of this gateway named the server: then it may be on this network too. */
  readonly isListed: boolean
  /** True for the CDN of the Hub's LFS store: there an address of the store's own form names its blob. */
  readonly isLfsStore: boolean
}

interface Rule {
  readonly scheme: string
  /** Undefined for any. */
  readonly port: string | undefined
  readonly isListed: boolean
  /** True where the host was written in full. */
  readonly isExact: boolean
  /** What paths must begin with: a Hub may share its host with services that clients must not reach. */
  readonly prefix: string
  readonly matches: (host: string) => boolean
}

/** The Hub's own hosts and those that its files come from. */
const known = ['huggingface.co', 'hf.co', '.hf.co', 'cdn-lfs*.huggingface.co']

/**
 * Which servers the proxy may reach: everything else is refused, or it would be an open relay. A host that was listed
 * without a port may be reached at any, the known ones at https's own.
 */
export class AllowList {
  readonly #rules: readonly Rule[]
  readonly #isOfficial: boolean
  /** The server for a client that names none, as the scripts for Dragonfly do. */
  readonly defaultOrigin: string

  /** `hosts` as `--allow-host` takes them: a host, `.suffix`, either with `scheme://` before it or `:port` behind it. */
  constructor(endpoint: URL, hosts: readonly string[]) {
    const listed = hosts.map((text) => parseRule(text, true))
    this.#isOfficial = isOfficialHost(endpoint.hostname)
    this.#rules = [ruleOfEndpoint(endpoint), ...listed, ...known.map((text) => parseRule(text, false))]
    const first = hosts.find((text) => !/[*]|^\.|\/\/\./.test(text))
    this.defaultOrigin = (first !== undefined && this.#originOf(first)) || 'https://cdn-lfs.huggingface.co'
  }

  /** The server behind a client's address, or undefined when it may not be reached. */
  find(url: URL): AllowedServer | undefined {
    return this.#find(url, ({ prefix }) => url.pathname.startsWith(prefix))
  }

  /** The same for a tunnel, in which no path is seen. */
  findForTunnel(url: URL): AllowedServer | undefined {
    return this.#find(url, () => true)
  }

  #find(url: URL, isAllowed: (rule: Rule) => boolean): AllowedServer | undefined {
    const host = url.hostname.toLowerCase()
    // Clients use the gateway as a proxy over plain http: the usual port of http stands for that of https.
    const asked = url.port === '443' ? '' : url.port
    for (const rule of this.#rules) {
      const { scheme, port, isListed, isExact } = rule
      if ((port !== undefined && port !== asked) || !rule.matches(host) || !isAllowed(rule)) continue
      const origin = originOf(scheme, url.hostname, asked)
      const isKnownStore = isLfsHost(host) && origin === `https://${host}`
      // The CDN of another Hub is known by nothing but its full name in the list.
      const isNamedStore = isListed && isExact && !this.#isOfficial
      return { origin, isListed, isLfsStore: isKnownStore || isNamedStore }
    }
    return undefined
  }

  /** True where a redirect may be followed as it stands: to an allowed server, by the scheme that it speaks. */
  mayFollow(url: URL): boolean {
    return this.find(url)?.origin === url.origin
  }

  #originOf(text: string): string | undefined {
    const address = /^https?:\/\//i.test(text) ? text : `https://${text}`
    return URL.canParse(address) ? this.find(new URL(address))?.origin : undefined
  }
}

function ruleOfEndpoint({ protocol, port, hostname, pathname }: URL): Rule {
  const prefix = pathname.replace(/\/*$/, '/')
  const matches = (host: string) => host === hostname
  // The Hub itself is no LFS store: there the author of a repo chooses the names in addresses.
  return { scheme: protocol, port, isListed: true, isExact: false, prefix, matches }
}

function originOf(scheme: string, hostname: string, port: string): string {
  return `${scheme}//${hostname}${port === '' ? '' : `:${port}`}`
}

function parseRule(text: string, isListed: boolean): Rule {
  const [, given, rest = ''] = /^(?:(https?):\/\/)?(.+?)\/*$/i.exec(text.trim()) ?? []
  const [, name = '', port = ''] = /^(\[[0-9a-f:.]+\]|[^:/]+)(?::(\d{1,5}))?$/i.exec(rest) ?? []
  if (name === '') {
    throw new DfhfError('usage', `not a host: '${text}'`, { hint: 'write --allow-host cdn.example.org' })
  }
  const scheme = `${(given ?? 'https').toLowerCase()}:`
  const isUsual = port === (scheme === 'https:' ? '443' : '80')
  const only = isUsual || (port === '' && !isListed) ? '' : port || undefined
  const isExact = !/^\.|\*/.test(name)
  return { scheme, port: only, isListed, isExact, prefix: '/', matches: matcherOf(name.toLowerCase()) }
}

function matcherOf(name: string): (host: string) => boolean {
  const suffix = name.replace(/^\*(?=\.)/, '')
  if (suffix.startsWith('.')) return (host) => host.endsWith(suffix) && host.length > suffix.length
  if (!name.includes('*')) return (host) => host === name
  const pattern = new RegExp(`^${name.split('*').map(escapePattern).join('[a-z0-9-]*')}$`)
  return (host) => pattern.test(host)
}

function escapePattern(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
}
