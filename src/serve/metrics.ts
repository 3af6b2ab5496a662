import { readdirSync } from 'node:fs'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { TransferEvent } from '../transfer/transfer-event.ts'
import { OpenConnections } from './open-connections.ts'

/** What is looked up when a client asks for the numbers: each metric by its source, with its name and its help. */
const gauges = {
  storeBytes: ['store_bytes', 'Bytes that the store takes'],
  storeQuotaBytes: ['store_quota_bytes', 'Bytes that the store may take'],
  blobs: ['blobs', 'Blobs on this disk that can be served'],
  peers: ['peers', 'Peers that are known and live'],
  uploads: ['uploads', 'Uploads to peers under way'],
  requests: ['gateway_requests', 'Requests to the gateway under way'],
  tunnels: ['gateway_tunnels', 'Tunnels that are open'],
  isHubWell: ['hub_up', '0 from a failure of the Hub on until it has answered again'],
} as const

/** The same for what only grows. */
const counts = {
  evictions: ['store_evictions_total', 'Blobs that gave way to others in the store'],
  bans: ['peer_bans_total', 'Times that a peer was banned for lying'],
} as const

type GaugeName = keyof typeof gauges
type CountName = keyof typeof counts

/** Where the daemon's gauges and counts are read; a claim counts as 1 or 0. */
export type MetricSources = Readonly<Record<GaugeName | CountName, () => number | boolean>>

const connectedTo = { hub: 'the Hub', peers: 'peers' } as const

/** The daemon's numbers in Prometheus's text form. */
export class DaemonMetrics {
  readonly #registry = new Registry()
  readonly #received: Counter<'source'>
  readonly #discarded: Counter<'source'>
  readonly #fetches: Counter<'outcome'>
  readonly #mismatches: Counter
  readonly #corruptions: Counter<'of'>
  readonly #hubRequests: Counter<'status'>
  readonly #pieceSeconds: Histogram<'source'>
  readonly #connections = new OpenConnections()
  readonly #retries: Counter
  readonly #fetchSeconds: Histogram
  readonly #answers: Counter<'status'>
  readonly #served: Counter<'from'>
  readonly #servedBytes: Counter<'from'>
  readonly #uploadedBytes: Counter

  constructor(version: string) {
    const registers = [this.#registry]
    const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
      new Counter<L>({ name: `dfhf_${name}`, help, labelNames, registers })
    this.#received = counter('received_bytes_total', 'Bytes that came, by where from', ['source'])
    this.#discarded = counter('discarded_bytes_total', 'Bytes that came and were of no use, by where from', [
      'source',
    ])
    this.#mismatches = counter('verification_failures_total', 'Blobs whose bytes did not hash to their oid')
    this.#corruptions = counter('corruptions_total', 'Pieces and blobs that came with wrong bytes', ['of'])
    this.#hubRequests = counter(
      'hub_requests_total',
      'Requests to the Hub and its CDN, by status; error where no response came',
      ['status'],
    )
    this.#pieceSeconds = new Histogram({
      name: 'dfhf_piece_seconds',
      help: 'Time that a piece took, by where it came from',
      labelNames: ['source'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      registers,
    })
    for (const source of ['hub', 'peers'] as const)
      this.#gauge(
        `dfhf_${source}_connections`,
        `Connections to ${connectedTo[source]} that bring bytes`,
        () => this.#connections.of(source),
      )
    this.#fetches = counter('fetches_total', 'Blobs fetched, by outcome', ['outcome'])
    this.#retries = counter('retries_total', 'Ranges that had to be asked for again')
    this.#fetchSeconds = new Histogram({
      name: 'dfhf_fetch_seconds',
      help: 'Time that a blob took from the first request to its check',
      buckets: [0.1, 1, 5, 15, 60, 300, 1200, 3600],
      registers,
    })
    this.#answers = counter('gateway_answers_total', 'Answers of the gateway, by status', ['status'])
    this.#served = counter('gateway_reads_total', 'Requests for bytes, by where they were', ['from'])
    this.#servedBytes = counter('gateway_read_bytes_total', 'Bytes asked for, by where they were', ['from'])
    this.#uploadedBytes = counter('uploaded_bytes_total', 'Bytes that peers asked for')
    // An alert on the growth of a count misses the first step of one that appears with it.
    for (const source of ['hub', 'peers']) {
      this.#received.inc({ source }, 0)
      this.#discarded.inc({ source }, 0)
    }
    for (const outcome of ['done', 'failed', 'cancelled']) this.#fetches.inc({ outcome }, 0)
    for (const of of ['piece', 'blob']) this.#corruptions.inc({ of }, 0)
    new Gauge({
      name: 'dfhf_info',
      help: 'The running version',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1)
    new Gauge({
      name: 'process_start_time_seconds',
      help: 'When the process started',
      registers,
    }).set(Math.floor(Date.now() / 1000 - process.uptime()))
    this.#gauge('process_resident_memory_bytes', 'Memory that the process holds', () =>
      process.memoryUsage.rss(),
    )
    this.#count('process_cpu_seconds_total', 'CPU time that the process took', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    if (process.platform === 'linux') {
      this.#gauge('process_open_fds', 'Files and sockets that the process holds open', () => {
        return readdirSync('/proc/self/fd').length
      })
    }
  }

  /** Shows from now on what `sources` tell. */
  watch(sources: MetricSources): void {
    for (const source of Object.keys(gauges).filter(isGaugeName)) {
      const [name, help] = gauges[source]
      this.#gauge(`dfhf_${name}`, help, () => Number(sources[source]()))
    }
    for (const source of Object.keys(counts).filter(isCountName)) {
      const [name, help] = counts[source]
      this.#count(`dfhf_${name}`, help, () => Number(sources[source]()))
    }
  }

  /** Counts what happens in transfers. */
  observe(event: TransferEvent): void {
    this.#connections.observe(event)
    switch (event.type) {
      case 'bytes':
        this.#received.inc({ source: event.kind }, event.count)
        return
      case 'bytes-lost':
        this.#discarded.inc({ source: event.kind }, event.count)
        return
      case 'piece':
        this.#pieceSeconds.observe({ source: event.kind }, event.ms / 1000)
        return
      case 'wrong-bytes':
        this.#corruptions.inc({ of: event.of })
        return
      case 'retry':
        this.#retries.inc()
        return
      case 'task-done':
        this.#fetches.inc({ outcome: 'done' })
        this.#fetchSeconds.observe(event.ms / 1000)
        return
      case 'file-failed':
        this.#fetches.inc({ outcome: event.code === 'cancelled' ? 'cancelled' : 'failed' })
        if (event.code === 'verification-failed') this.#mismatches.inc()
    }
  }

  /** Counts a response of the Hub by its status, or 0 where none came. */
  hubAnswered(status: number): void {
    this.#hubRequests.inc({ status: status === 0 ? 'error' : String(status) })
  }

  answered(status: number): void {
    this.#answers.inc({ status: String(status) })
  }

  served({ from, size }: { readonly from: string; readonly size: number }): void {
    this.#served.inc({ from })
    this.#servedBytes.inc({ from }, size)
  }

  uploaded(size: number): void {
    this.#uploadedBytes.inc(size)
  }

  /** All numbers as text. */
  async text(): Promise<string> {
    return (await this.#registry.metrics()).replace(/\n{2,}/g, '\n')
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** A count that its source keeps. */
  #count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }
}

function isGaugeName(name: string): name is GaugeName {
  return Object.hasOwn(gauges, name)
}

function isCountName(name: string): name is CountName {
  return Object.hasOwn(counts, name)
}
