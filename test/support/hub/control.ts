import type { Fault, Rates } from './faults.ts'
import { type HttpAnswer, type HttpRequest, jsonAnswer } from './http/message.ts'
import type { RepoSpec } from './repo.ts'
import type { Side } from './stats.ts'
import type { TestHub } from './test-hub.ts'

/** What another process may order by POST /_test/faults; what is absent stays as it is. */
export interface FaultsOrder {
  /** Removes all faults first. */
  readonly clear?: boolean
  readonly add?: readonly Fault[]
  readonly rates?: Rates
  readonly urlLifetimeMs?: number
  readonly expireUrls?: boolean
}

/** Answers the orders and questions of another process. */
export function answerControl(hub: TestHub, request: HttpRequest): HttpAnswer {
  const action = actions[`${request.method} ${request.path}`]
  if (!action) return jsonAnswer({ error: `no such control: ${request.method} ${request.path}` }, {}, 404)
  const text = new TextDecoder().decode(request.body)
  return jsonAnswer(action(hub, text === '' ? {} : JSON.parse(text)) ?? {})
}

const actions: Record<string, (hub: TestHub, body: unknown) => object | undefined> = {
  'GET /_test/stats': (hub) => hub.stats(),
  'GET /_test/requests': (hub) => hub.requests,
  'POST /_test/reset': (hub) => void hub.resetStats(),
  'POST /_test/faults': (hub, body) => void obey(hub, body as FaultsOrder),
  'POST /_test/repos': (hub, body) => ({ commit: hub.repos.add(body as RepoSpec).resolve('main')?.id }),
  'POST /_test/down': (hub, body) => void goDown(hub, body as { side?: Side; ms: number }),
}

function obey(hub: TestHub, order: FaultsOrder): void {
  if (order.clear) hub.faults.clear()
  for (const fault of order.add ?? []) hub.addFault(fault)
  if (order.rates) hub.faults.setRates(order.rates)
  if (order.urlLifetimeMs !== undefined) hub.signer.lifetimeMs = order.urlLifetimeMs
  if (order.expireUrls) hub.signer.expireAll()
}

/** The answer to the order itself must still go out, so the side stops a moment later. */
function goDown(hub: TestHub, { side = 'hub', ms }: { side?: Side; ms: number }): void {
  setTimeout(() => hub.stop(side), 20)
  setTimeout(() => hub.start(side), 20 + ms)
}
