import type { Log } from '../../base/log.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { parseEndpoint } from '../../hub/endpoint.ts'
import type { BlobLibrary } from '../blob-library.ts'
import type { PublicRepos } from '../public-repos.ts'
import { BlobReplies } from './blob-replies.ts'
import { FileFacts } from './file-facts.ts'
import { Gateway } from './gateway.ts'
import { GatewayServer } from './gateway-server.ts'
import { HubApi } from './hub-api.ts'
import { HubMirror } from './hub-mirror.ts'
import { HubUpstream } from './hub-upstream.ts'
import { HubWeather } from './hub-weather.ts'
import { KeptAnswers } from './kept-answers.ts'

/** How long what is being sent may take once the gateway closes, in ms. */
const GRACE_MS = 10_000

/** What a gateway is made of, and how it behaves. */
export interface GatewayOptions {
  readonly listen: { readonly host: string | undefined; readonly port: number }
  readonly endpoint: string
  /** Carries no token of its own. */
  readonly http: HttpClient
  readonly library: BlobLibrary
  readonly publicRepos: PublicRepos
  readonly stateDir: string
  /** How long what is here is served while the Hub fails; 0 for not at all. */
  readonly staleForMs: number
  readonly log: Log
}

/** A gateway that answers. */
export interface OpenGateway extends AsyncDisposable {
  readonly port: number
  /** Takes no new requests, lets what is being sent end within a bound, and closes. */
  close(): Promise<void>
}

/** Builds the gateway's parts and binds its port. Throws `usage` when the port cannot be had. */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { log, library, publicRepos, staleForMs } = options
  const stop = new AbortController()
  const hub = new HubUpstream({ endpoint: parseEndpoint(options.endpoint), http: options.http })
  const kept = new KeptAnswers(options.stateDir, { log })
  const weather = new HubWeather(log)
  const asking = { hub, kept, publicRepos, weather, staleForMs, signal: stop.signal }
  const blobs = new BlobReplies({ library, log })
  const mirror = new HubMirror({ hub, api: new HubApi(asking), facts: new FileFacts(asking), blobs, log })
  const server = await GatewayServer.listen({ handler: new Gateway({ mirror }), ...options.listen, log })
  const close = async (graceMs: number) => {
    await server.close(graceMs)
    blobs.close()
    stop.abort()
  }
  return {
    port: server.port,
    close: () => close(GRACE_MS),
    [Symbol.asyncDispose]: () => close(0),
  }
}
