import type { Log } from '../base/log.ts'
import { isLoopbackHost } from '../base/loopback.ts'
import { AllowList } from '../gateway/access/allow-list.ts'
import { AllowedClients } from '../gateway/access/allowed-clients.ts'
import { OwnNames } from '../gateway/access/own-names.ts'
import { BlobReplies } from '../gateway/blob-replies.ts'
import { Door, type Probe } from '../gateway/door.ts'
import { Gateway, type OwnRoute } from '../gateway/gateway.ts'
import { GatewayServer } from '../gateway/gateway-server.ts'
import { KnownUrls } from '../gateway/known-urls.ts'
import { LfsGateway } from '../gateway/lfs/lfs-gateway.ts'
import { FileFacts } from '../gateway/mirror/file-facts.ts'
import { HubApi } from '../gateway/mirror/hub-api.ts'
import type { HubCircuit } from '../gateway/mirror/hub-circuit.ts'
import { HubMirror } from '../gateway/mirror/hub-mirror.ts'
import { HubUpstream } from '../gateway/mirror/hub-upstream.ts'
import { Recall } from '../gateway/mirror/recall.ts'
import { StaleResponses } from '../gateway/mirror/stale-responses.ts'
import { CdnProbe } from '../gateway/proxy/cdn-probe.ts'
import { CdnProxy } from '../gateway/proxy/cdn-proxy.ts'
import { Tunnels } from '../gateway/proxy/tunnel.ts'
import type { HttpProxy } from '../http/connect/proxy.ts'
import type { HttpClient } from '../http/http-client.ts'
import { parseEndpoint } from '../hub/endpoint.ts'
import type { TokenRule } from '../hub/tokens.ts'
import type { BlobLibrary } from '../peer/blob-library.ts'
import type { PublicRepos } from '../peer/public-repos.ts'
import type { Origin } from '../repo/origin.ts'
import type { DaemonMetrics } from './metrics.ts'
import { metricsReply } from './metrics-server.ts'
import type { StatusSources } from './status/status.ts'
import type { StatusBoard } from './status/status-board.ts'
import { StatusRoutes, statusPaths } from './status/status-routes.ts'
import { WarmRoute } from './warm-route.ts'

/** The parts of a gateway, and its settings. */
export interface GatewayOptions {
  readonly listen: { readonly host: string | undefined; readonly port: number }
  /** Names by which clients may call it besides its addresses. */
  readonly hosts: readonly string[]
  /** Address ranges of other machines that it answers; none for every machine. */
  readonly clients: readonly string[]
  /** Answered to every machine. */
  readonly probes: ReadonlyMap<string, Probe>
  /** False where `/metrics` answers at an address of its own. */
  readonly isMetricsHere: boolean
  readonly endpoint: string
  /** Carries no token of its own. */
  readonly http: HttpClient
  /** Holds for the tokens of its clients as for this node's own. */
  readonly tokenRule: TokenRule
  /** Which proxy leads to an address, for tunnels. */
  readonly proxyFor?: ((url: URL) => HttpProxy | undefined) | undefined
  /** Asks with this node's token: for orders of this machine's user, and for no other request of a client. */
  readonly ownHub: Origin
  readonly library: BlobLibrary
  readonly publicRepos: PublicRepos
  /** True when all peers hold the cluster key: what they send is passed on before the whole was checked. */
  readonly trustsPeers: boolean
  readonly stateDir: string
  /** For how long earlier responses are served while the Hub fails; 0 for not at all. */
  readonly staleForMs: number
  readonly allowHosts: readonly string[]
  readonly ignoreQueryParams: readonly string[]
  readonly storeQuota: number
  /** The secrets by which other machines may order fetches now. @default none: this machine alone may */
  readonly warmTokens?: (() => readonly string[]) | undefined
  /** What the status page shows, and where the rest of it is looked up. */
  readonly status: {
    readonly board: StatusBoard
    readonly sources: Omit<StatusSources, 'isHubUp' | 'isKnownPublic'>
  }
  /** Whether the Hub answers. */
  readonly circuit: HubCircuit
  readonly metrics?: DaemonMetrics | undefined
  readonly log: Log
}

/** A gateway that answers. */
export interface OpenGateway extends AsyncDisposable {
  readonly port: number
  /** Requests being answered, and tunnels that are open. */
  load(): { readonly requests: number; readonly tunnels: number }
  /** Takes no new requests, lets what is being answered end within `graceMs`, and closes; gives how many did not end. */
  close(graceMs: number): Promise<number>
}

/** Builds the gateway's parts and binds its port. Throws `usage` for a port that cannot be had, or a misspelt host. */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { log, library, publicRepos, staleForMs, http, tokenRule, metrics, listen, circuit } = options
  const { board, sources } = options.status
  const stop = new AbortController()
  const { signal } = stop
  const endpoint = parseEndpoint(options.endpoint)
  const allowList = new AllowList(endpoint, options.allowHosts)
  const hub = new HubUpstream({ endpoint, http, tokenRule })
  const kept = new StaleResponses(options.stateDir, { log })
  const recall = new Recall({ kept, publicRepos, circuit, staleForMs, signal })
  const blobs = new BlobReplies({
    library,
    log,
    trustsPeers: options.trustsPeers,
    onServe: (served) => {
      metrics?.served(served)
      board.served(served)
    },
  })
  const known = new KnownUrls(options.ignoreQueryParams)
  const lfs = new LfsGateway({ hub, http, blobs, known })
  const api = new HubApi({ hub, recall })
  const facts = new FileFacts({ hub, recall, kept })
  const mirror = new HubMirror({ hub, api, facts, blobs, lfs, known, log })
  const mayFollow = (url: URL) => allowList.mayFollow(url)
  const probe = new CdnProbe({ http, mayFollow, signal })
  const proxy = new CdnProxy({ http, allowList, known, probe, blobs, tokenRule, log })
  const tunnels = new Tunnels({ allowList, proxyFor: options.proxyFor })
  const warm = new WarmRoute({
    library,
    upstream: hub,
    ownHub: options.ownHub,
    isLoopbackOnly: listen.host !== undefined && isLoopbackHost(listen.host),
    storeQuota: options.storeQuota,
    warmTokens: options.warmTokens ?? (() => []),
    log,
  })
  const status = new StatusRoutes(() =>
    board.look({
      ...sources,
      isHubUp: () => circuit.isWell,
      isKnownPublic: (repo) => publicRepos.areKnownPublic([repo]),
    }),
  )
  const own = new Map<string, OwnRoute>([
    ...status.routes,
    ['POST /v1/warm', (request) => warm.handle(request)],
    ...(metrics && options.isMetricsHere ? [['GET /metrics', () => metricsReply(metrics)] as const] : []),
  ])
  const allowed = new AllowedClients(options.clients)
  const ownNames = new OwnNames({ listenHost: listen.host, names: options.hosts })
  const inside = new Gateway({
    endpoint,
    mirror,
    proxy,
    tunnels,
    allowList,
    ownNames,
    own,
    pages: statusPaths,
  })
  const door = new Door({ inside, allowed, ownNames, probes: options.probes })
  const onReply = (status: number) => metrics?.answered(status)
  const server = await GatewayServer.listen({ handler: door, ...listen, log, onReply })
  const close = async (graceMs: number) => {
    door.leave()
    status.close()
    const cut = await server.drain(graceMs)
    await server.close()
    blobs.close()
    stop.abort()
    return cut
  }
  return {
    port: server.port,
    load: () => ({ requests: server.active, tunnels: tunnels.open }),
    close,
    [Symbol.asyncDispose]: async () => void (await close(0)),
  }
}
