import { HfCache } from '../storage/hf-cache.ts'
import { CacheDestination } from '../transfer/cache-destination.ts'
import { RepoFetcher } from '../transfer/repo-fetcher.ts'
import { TransferEngine } from '../transfer/transfer-engine.ts'
import type { CommandContext } from './commands.ts'
import { connectHub, openHttp } from './connect-hub.ts'
import type { DownloadOptions } from './options.ts'

/** The concrete parts that `download` and `snapshot` work with; closes them when disposed. */
export interface Session extends AsyncDisposable {
  readonly fetcher: RepoFetcher
}

/** Builds the parts from the options. Nothing is asked of anybody yet. */
export async function openSession(options: DownloadOptions, context: CommandContext): Promise<Session> {
  await using stack = new AsyncDisposableStack()
  const { repo, revision, hub, places, speed } = options
  const http = stack.use(openHttp(hub, context))
  const engine = stack.use(
    new TransferEngine({
      report: context.events,
      connections: speed.connections,
      limitRate: speed.limitRate,
      stallMs: hub.downloadTimeoutMs,
    }),
  )
  const cache = new HfCache(places.cacheDir, { disableSymlinks: !options.useSymlinks })
  const fetcher = new RepoFetcher({
    repo,
    revision,
    hub: options.isOffline ? undefined : connectHub(hub, http, context),
    destination: new CacheDestination(cache, repo),
    engine,
    findLocal: async () => undefined,
    mayAskHub: options.peers.origin === 'auto',
    isForced: options.isForced,
    signal: context.signal,
  })
  const owned = stack.move()
  return { fetcher, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
