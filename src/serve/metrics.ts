import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { TransferEvent } from '../transfer/transfer-event.ts'

/** What is looked up when a client asks for the numbers: each metric by its source, with its name and its help. */
const gauges = {
  storeBytes: ['store_bytes', 'Bytes that the store takes'],
  blobs: ['blobs', 'Blobs on this disk that can be served'],
  peers: ['peers', 'Peers that are known and live'],
  uploads: ['uploads', 'Uploads to peers under way'],
  requests: ['gateway_requests', 'Requests to the gateway under way'],
  tunnels: ['gateway_tunnels', 'Tunnels that are open'],
  isHubWell: ['hub_up', '1 while the Hub answers'],
} as const

type GaugeName = keyof typeof gauges

/** Where the daemon's gauges are read; a claim counts as 1 or 0. */
export type MetricSources = Readonly<Record<GaugeName, () => number | boolean>>

/** The daemon's numbers in Prometheus's text form. */
export class DaemonMetrics {
  readonly #registry = new Registry()
  readonly #received: Counter<'source'>
  readonly #fetches: Counter<'outcome'>
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
  }

  /** Shows from now on what `sources` tell. */
  watch(sources: MetricSources): void {
    for (const source of Object.keys(gauges).filter(isGaugeName)) {
      const [name, help] = gauges[source]
      this.#gauge(`dfhf_${name}`, help, () => Number(sources[source]()))
    }
  }

  /** Counts what happens in transfers. */
  observe(event: TransferEvent): void {
    switch (event.type) {
      case 'bytes':
        this.#received.inc({ source: event.kind }, event.count)
        return
      case 'retry':
        this.#retries.inc()
        return
      case 'task-done':
        this.#fetches.inc({ outcome: 'done' })
        this.#fetchSeconds.observe(event.ms / 1000)
        return
      case 'file-failed':
        this.#fetches.inc({ outcome: 'failed' })
    }
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
