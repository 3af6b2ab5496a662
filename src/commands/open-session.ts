import { createHttpClient } from '../http/http-client.ts'
import { createProxyResolver } from '../http/proxy.ts'
import { HubClient } from '../hub/hub-client.ts'
import { HfCache } from '../storage/hf-cache.ts'
import { CacheDestination } from '../transfer/cache-destination.ts'
import { RepoFetcher } from '../transfer/repo-fetcher.ts'
import { TransferEngine } from '../transfer/transfer-engine.ts'
import type { CommandContext } from './commands.ts'
import type { DownloadOptions } from './options.ts'

/** The concrete parts that `download` and `snapshot` work with; closes them when disposed. */
export interface Session extends AsyncDisposable {
  readonly fetcher: RepoFetcher
}

/** Builds the parts from the options. Nothing is asked of anybody yet. */
export async function openSession(options: DownloadOptions, context: CommandContext): Promise<Session> {
  await using stack = new AsyncDisposableStack()
  const http = stack.use(
    createHttpClient({
      proxyFor: createProxyResolver(context.env),
      bodyTimeoutMs: options.hub.downloadTimeoutMs,
    }),
  )
  const hub = new HubClient({
    endpoint: options.hub.endpoint,
    http,
    token: options.hub.token,
    userAgent: `dfhf/${context.version}`,
    metadataTimeoutMs: options.hub.etagTimeoutMs,
    onWarning: (_topic, text) => context.events({ type: 'notice', text }),
  })
  const engine = stack.use(
    new TransferEngine({
      report: context.events,
      connections: options.speed.connections,
      limitRate: options.speed.limitRate,
      stallMs: options.hub.downloadTimeoutMs,
    }),
  )
  const cache = new HfCache(options.places.cacheDir, { disableSymlinks: !options.useSymlinks })
  const fetcher = new RepoFetcher({
    repo: options.repo,
    revision: options.revision,
    hub: options.isOffline ? undefined : hub,
    destination: new CacheDestination(cache, options.repo),
    engine,
    findLocal: async () => undefined,
    mayAskHub: options.peers.origin === 'auto',
    isForced: options.isForced,
    signal: context.signal,
  })
  const owned = stack.move()
  return { fetcher, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
