import type { RouteKind } from './route.ts'

/** The two faces of the test Hub. */
export type Side = 'hub' | 'cdn'

/** One request and how it went. */
export interface RequestRecord {
  readonly side: Side
  readonly kind: RouteKind
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  /** Since 1970, so that other processes on this machine can compare it. */
  readonly startedMs: number
  oid: string | undefined
  status: number
  /** Body bytes that the socket took, also of a broken answer. */
  bodyBytes: number
  state: 'open' | 'complete' | 'broken'
}

/** A count of requests and of the body bytes that answered them. */
interface TransferCounters {
  requests: number
  bodyBytes: number
}

/** What one side saw. */
export interface SideStats extends TransferCounters {
  readonly statuses: Record<string, number>
  /** Requests being answered now, and the most at once. */
  open: number
  highestOpen: number
  connections: number
  highestConnections: number
  /** Each Authorization value that came, once. */
  readonly authorizations: string[]
}

/** Everything counted since the start or the last reset. */
export interface HubStats {
  readonly hub: SideStats
  readonly cdn: SideStats
  readonly kinds: Partial<Record<RouteKind, TransferCounters>>
  /** By oid, the answers 200 and 206 that carried the blob's bytes. */
  readonly oids: Record<string, TransferCounters & { readonly ranges: string[] }>
  /** What no client may do, such as a token sent to the CDN. */
  readonly violations: readonly string[]
}

interface Waiter {
  readonly predicate: (stats: HubStats) => boolean
  readonly resolve: () => void
}

/** Records requests as they come and sums them up when asked. */
export class StatsRecorder {
  readonly requests: RequestRecord[] = []
  readonly violations: string[] = []
  readonly #waiters = new Set<Waiter>()
  readonly #open = { hub: 0, cdn: 0 }
  readonly #highestOpen = { hub: 0, cdn: 0 }
  readonly #connections: (side: Side) => { now: number; highest: number }

  constructor(connections: (side: Side) => { now: number; highest: number }) {
    this.#connections = connections
  }

  begin(record: RequestRecord): void {
    const { side } = record
    this.requests.push(record)
    this.#open[side] += 1
    this.#highestOpen[side] = Math.max(this.#highestOpen[side], this.#open[side])
    this.#wakeWaiters()
  }

  sent(record: RequestRecord, size: number): void {
    record.bodyBytes += size
    this.#wakeWaiters()
  }

  end(record: RequestRecord, isComplete: boolean): void {
    record.state = isComplete ? 'complete' : 'broken'
    this.#open[record.side] -= 1
    this.#wakeWaiters()
  }

  /** Resolves as soon as the counters satisfy the predicate. */
  until(predicate: (stats: HubStats) => boolean): Promise<void> {
    if (predicate(this.stats())) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.add({ predicate, resolve }))
  }

  reset(): void {
    this.requests.length = 0
    this.violations.length = 0
    this.#highestOpen.hub = this.#open.hub
    this.#highestOpen.cdn = this.#open.cdn
  }

  stats(): HubStats {
    const sides = { hub: this.#sideStats('hub'), cdn: this.#sideStats('cdn') }
    const kinds: Partial<Record<RouteKind, TransferCounters>> = {}
    const oids: Record<string, TransferCounters & { ranges: string[] }> = {}
    for (const request of this.requests) {
      const kind = kinds[request.kind] ?? { requests: 0, bodyBytes: 0 }
      kinds[request.kind] = kind
      add(kind, request)
      if (!carriesBlob(request)) continue
      const oid = oids[request.oid] ?? { requests: 0, bodyBytes: 0, ranges: [] }
      oids[request.oid] = oid
      add(oid, request)
      oid.ranges.push(request.headers.range ?? '')
    }
    return { ...sides, kinds, oids, violations: [...this.violations] }
  }

  #sideStats(side: Side): SideStats {
    const requests = this.requests.filter((request) => request.side === side)
    const statuses: Record<string, number> = {}
    for (const { status } of requests) statuses[status] = (statuses[status] ?? 0) + 1
    const connections = this.#connections(side)
    return {
      requests: requests.length,
      bodyBytes: requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
      statuses,
      open: this.#open[side],
      highestOpen: this.#highestOpen[side],
      connections: connections.now,
      highestConnections: connections.highest,
      authorizations: [...new Set(requests.flatMap(({ headers }) => headers.authorization ?? []))],
    }
  }

  #wakeWaiters(): void {
    if (this.#waiters.size === 0) return
    const stats = this.stats()
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(stats)) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }
}

function carriesBlob(request: RequestRecord): request is RequestRecord & { oid: string } {
  const isBlobKind = request.kind === 'cdn' || request.kind === 'resolve-cache'
  const isBody = request.method === 'GET' && (request.status === 200 || request.status === 206)
  return request.oid !== undefined && isBlobKind && isBody
}

function add(counters: TransferCounters, request: RequestRecord): void {
  counters.requests += 1
  counters.bodyBytes += request.bodyBytes
}
