import type { SourceKind } from '../blob/blob-source.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'

/** Counts one blob's bytes and retries and reports them as events. */
export class TransferCounters {
  readonly #id: number
  readonly #report: EventSink
  readonly #bytes: Record<SourceKind, number> = { hub: 0, peers: 0, local: 0 }
  #retries = 0
  #connections = ''
  #reason: string | undefined

  constructor(id: number, report: EventSink) {
    this.#id = id
    this.#report = report
  }

  get bytes(): BytesBySource {
    return { ...this.#bytes }
  }

  get retries(): number {
    return this.#retries
  }

  add(kind: SourceKind, source: string, count: number): void {
    this.#bytes[kind] += count
    this.#report({ type: 'bytes', id: this.#id, count, kind, source })
  }

  landed(kind: SourceKind, piece: number, ms: number): void {
    this.#report({ type: 'piece', id: this.#id, piece, kind, ms })
  }

  /** Bytes that arrived are worth nothing: they count as cost, but no longer as progress. */
  lose(kind: SourceKind, count: number): void {
    if (count > 0) this.#report({ type: 'bytes-lost', id: this.#id, count, kind })
  }

  retry(source: string, reason: string, delayMs: number): void {
    this.#retries += 1
    this.#report({ type: 'retry', id: this.#id, source, reason, delayMs })
  }

  wrong(of: 'piece' | 'blob'): void {
    this.#report({ type: 'wrong-bytes', id: this.#id, of })
  }

  connections(hub: number, peers: number): void {
    const key = `${hub}/${peers}`
    if (key === this.#connections) return
    this.#connections = key
    this.#report({ type: 'connections', id: this.#id, hub, peers })
  }

  wait(reason: string | undefined): void {
    if (reason === this.#reason) return
    this.#reason = reason
    this.#report({ type: 'wait', id: this.#id, reason })
  }
}
