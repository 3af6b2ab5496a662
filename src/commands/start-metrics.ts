import { urlHost } from '../base/url-host.ts'
import { OwnNames } from '../gateway/access/own-names.ts'
import type { GatewayServer } from '../gateway/gateway-server.ts'
import { type MetricsServerOptions, openMetricsServer } from '../serve/metrics-server.ts'
import type { Readiness } from '../serve/readiness.ts'
import type { ServeOptions } from './settings/options.ts'

/** Opens the address of `--metrics`. It answers before the store is indexed, so that probes hear what is missing. */
export async function startMetrics(
  { listen, hosts }: NonNullable<ServeOptions['metrics']>,
  parts: Pick<MetricsServerOptions, 'metrics' | 'log'> & { readonly readiness: Readiness },
): Promise<GatewayServer> {
  const { metrics, readiness, log } = parts
  const ownNames = new OwnNames({ listenHost: listen.host, names: hosts })
  const server = await openMetricsServer({ listen, metrics, probes: readiness.probes, ownNames, log })
  log.info(`metrics and probes on http://${urlHost(listen.host ?? '0.0.0.0')}:${server.port}`)
  return server
}
