import type { Log } from '../base/log.ts'
import { AllowedClients } from '../gateway/access/allowed-clients.ts'
import type { OwnNames } from '../gateway/access/own-names.ts'
import { isFromWebPage } from '../gateway/access/web-page.ts'
import { Door, type Probe } from '../gateway/door.ts'
import { type GatewayHandler, GatewayServer } from '../gateway/gateway-server.ts'
import { type Reply, textReply } from '../gateway/message.ts'
import { refuse } from '../gateway/refusal.ts'
import type { DaemonMetrics } from './metrics.ts'

/** What the address for metrics answers, and under which names. */
export interface MetricsServerOptions {
  readonly listen: { readonly host: string | undefined; readonly port: number }
  readonly metrics: DaemonMetrics
  readonly probes: ReadonlyMap<string, Probe>
  readonly ownNames: OwnNames
  readonly log: Log
}

/** Opens an address that answers `/metrics` and the probes, and nothing else. Throws `usage` when it cannot be had. */
export function openMetricsServer(options: MetricsServerOptions): Promise<GatewayServer> {
  const { metrics, probes, ownNames, listen, log } = options
  const inside: GatewayHandler = {
    async handle({ method, target, headers, localAddress }) {
      if (isFromWebPage(headers)) return refuse(403, 'this address does not answer web pages')
      if (!ownNames.isOwn(headers.get('host'), localAddress))
        return refuse(403, 'this is no name of this machine; --gateway-host adds one')
      const isRead = method === 'GET' || method === 'HEAD'
      return isRead && /^\/metrics(?:\?|$)/.test(target)
        ? metricsReply(metrics)
        : refuse(404, 'only /metrics is here')
    },
    async connect({ socket }) {
      socket.destroy()
    },
  }
  const handler = new Door({ inside, allowed: new AllowedClients([]), ownNames, probes })
  return GatewayServer.listen({ handler, ...listen, log, flag: '--metrics' })
}

/** The numbers in Prometheus's text form. */
export async function metricsReply(metrics: DaemonMetrics): Promise<Reply> {
  const text = await metrics.text()
  const { headers, ...rest } = textReply(200, text)
  return {
    ...rest,
    headers: headers.map((line) => (line[0] === 'Content-Type' ? [line[0], metrics.contentType] : line)),
  }
}
