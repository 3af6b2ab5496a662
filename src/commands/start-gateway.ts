import { isLoopbackHost } from '../base/loopback.ts'
import { urlHost } from '../base/url-host.ts'
import type { Probe } from '../gateway/door.ts'
import type { HubCircuit } from '../gateway/mirror/hub-circuit.ts'
import { refuse } from '../gateway/refusal.ts'
import { createProxyResolver } from '../http/connect/proxy.ts'
import type { HttpClient } from '../http/http-client.ts'
import { tokenRuleOf } from '../hub/tokens.ts'
import type { BlobLibrary } from '../peer/blob-library.ts'
import type { PublicRepos } from '../peer/public-repos.ts'
import type { Origin } from '../repo/origin.ts'
import type { DaemonMetrics } from '../serve/metrics.ts'
import {
  type OpenGateway,
  type GatewayOptions as OpenGatewayOptions,
  openGateway,
} from '../serve/open-gateway.ts'
import type { Readiness } from '../serve/readiness.ts'
import type { CommandContext } from './commands.ts'
import type { GatewayOptions, ServeOptions } from './settings/options.ts'

/** The daemon's parts that the gateway serves from. */
interface DaemonParts {
  readonly library: BlobLibrary
  readonly publicRepos: PublicRepos
  readonly http: HttpClient
  /** Carries this node's token. */
  readonly ownHub: Origin
  readonly circuit: HubCircuit
  readonly metrics: DaemonMetrics
  readonly status: OpenGatewayOptions['status']
  readonly readiness: Readiness
  readonly warmTokens: () => readonly string[]
  /** True when all peers hold the cluster key. */
  readonly trustsPeers: boolean
}

/** Opens the gateway, and warns where clients of other machines can use it. */
export async function startGateway(
  gateway: GatewayOptions,
  options: ServeOptions,
  parts: DaemonParts,
  { log, env }: CommandContext,
): Promise<OpenGateway> {
  const { listen } = gateway
  const open = await openGateway({
    ...parts,
    ...gateway,
    proxyFor: createProxyResolver(env),
    tokenRule: tokenRuleOf(env, options.hub),
    probes: options.metrics ? elsewhere : parts.readiness.probes,
    isMetricsHere: options.metrics === undefined,
    storeQuota: options.storeQuota,
    endpoint: options.hub.endpoint,
    stateDir: options.places.stateDir,
    log,
  })
  const host = listen.host ?? '0.0.0.0'
  log.info(`Hub mirror and proxy on http://${urlHost(host)}:${open.port}`)
  if (isLoopbackHost(host)) return open
  const can = 'they can download through this machine, fill its store, and send their tokens in clear'
  const { clients } = gateway
  if (clients.length > 0) log.info(`the gateway answers ${clients.join(', ')} and this machine: ${can}`)
  else
    log.warn(
      `the gateway answers everybody who reaches ${host}:${open.port}: ${can}; --gateway-allow 10.0.0.0/8 answers that network alone, and --gateway 127.0.0.1:${open.port} this machine`,
    )
  return open
}

/** The gateway's own paths where `--metrics` has taken them away, so that they do not go to the Hub. */
const elsewhere = new Map(
  ['/healthz', '/readyz', '/startupz', '/metrics'].map((path): [string, Probe] => [
    path,
    () => refuse(404, `${path} answers at the address of --metrics`),
  ]),
)
