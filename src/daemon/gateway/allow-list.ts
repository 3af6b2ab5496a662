import { DfhfError } from '../../base/errors.ts'

/** A server that may be reached through the proxy. */
export interface AllowedServer {
  /** The real server's origin, to which a client's plain http is turned. */
  readonly origin: string
  /** True where whoever runs this gateway named the server: then it may be on this network too. */
  readonly isListed: boolean
}

interface Rule {
  readonly scheme: string
  readonly port: string
  readonly isListed: boolean
  readonly matches: (host: string) => boolean
}

/** The Hub's own hosts and those that its files come from. */
const known = ['huggingface.co', 'hf.co', '.hf.co', 'cdn-lfs*.huggingface.co']

/** Which servers the proxy may reach: everything else is refused, or it would be an open relay. */
export class AllowList {
  readonly #rules: readonly Rule[]
  /** The server that is meant where a client names none, as the scripts for Dragonfly do. */
  readonly defaultOrigin: string

  /** `hosts` as `--allow-host` takes them: a host, `.suffix`, either with `scheme://` before it or `:port` behind it. */
  constructor(endpoint: URL, hosts: readonly string[]) {
    const listed = hosts.map((text) => parseRule(text, true))
    this.#rules = [parseRule(endpoint.origin, true), ...listed, ...known.map((text) => parseRule(text, false))]
    const first = hosts.find((text) => !/[*]|^\.|\/\/\./.test(text))
    this.defaultOrigin = (first !== undefined && this.#originOf(first)) || 'https://cdn-lfs.huggingface.co'
  }

  /** The server behind a client's address, or undefined when it may not be reached. */
  find(url: URL): AllowedServer | undefined {
    const host = url.hostname.toLowerCase()
    for (const { scheme, port, isListed, matches } of this.#rules) {
      // Plain http is how a client makes a proxy out of us; the real server's port is then the usual one.
      const isPort = url.port === port || (url.port === '' && port === '') || (url.port === '443' && port === '')
      if (isPort && matches(host)) return { origin: originOf(scheme, url.hostname, port), isListed }
    }
    return undefined
  }

  #originOf(text: string): string | undefined {
    const address = /^https?:\/\//i.test(text) ? text : `https://${text}`
    return URL.canParse(address) ? this.find(new URL(address))?.origin : undefined
  }
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
  const isUsual = (scheme === 'https:' && port === '443') || (scheme === 'http:' && port === '80')
  return { scheme, port: isUsual ? '' : port, isListed, matches: matcherOf(name.toLowerCase()) }
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
