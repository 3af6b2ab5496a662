import type { BytesBySource, TransferEvent } from '../transfer/transfer-event.ts'
import type { Now } from './reporter.ts'
import { SpeedMeter } from './speed-meter.ts'

/** After this long without a byte a file counts as stalled, and its reason is shown. */
const STALL_MS = 3000

type MutableBytes = { -readonly [Kind in keyof BytesBySource]: number }

/** One file under way. */
export interface FileProgress {
  readonly name: string
  readonly size: number
  /** Bytes of it that are on this machine now. */
  readonly done: number
  readonly bytes: BytesBySource
  readonly connections: { readonly hub: number; readonly peers: number }
  /** Bytes a second. */
  readonly speed: number
  /** Why nothing arrives, or undefined while something does. */
  readonly stall: string | undefined
}

/** All files together. */
export interface TotalProgress {
  /** Files and bytes to fetch; known from the plan, else from the files begun so far. */
  readonly files: number
  readonly size: number
  readonly doneFiles: number
  readonly done: number
  readonly bytes: BytesBySource
  readonly connections: { readonly hub: number; readonly peers: number }
  readonly speed: number
  /** True for a snapshot, or as soon as there is more than one file. */
  readonly isMany: boolean
}

interface FileState {
  readonly name: string
  readonly size: number
  readonly present: number
  readonly bytes: MutableBytes
  readonly meter: SpeedMeter
  hub: number
  peers: number
  reason: string | undefined
  retry: string | undefined
  lastByteMs: number
}

/** What the events so far amount to. */
export class Progress {
  readonly #now: Now
  readonly #active = new Map<number, FileState>()
  readonly #meter: SpeedMeter
  readonly #bytes: MutableBytes = noBytes()
  readonly #peers = new Map<string, number>()
  #plan: { files: number; size: number } | undefined
  #begun = 0
  #begunSize = 0
  #doneFiles = 0
  #doneSize = 0

  constructor(now: Now) {
    this.#now = now
    this.#meter = new SpeedMeter(now)
  }

  apply(event: TransferEvent): void {
    if (event.type === 'plan') this.#plan = { files: event.missingFiles, size: event.missingSize }
    else if (event.type === 'file-start') this.#begin(event)
    else if ('id' in event) this.#change(event)
  }

  /** The files under way, in the order in which they began. */
  files(): FileProgress[] {
    return [...this.#active.values()].map((file) => ({
      name: file.name,
      size: file.size,
      done: doneOf(file),
      bytes: file.bytes,
      connections: { hub: file.hub, peers: file.peers },
      speed: file.meter.rate(),
      stall: this.#stallOf(file),
    }))
  }

  total(): TotalProgress {
    const active = [...this.#active.values()]
    const size = this.#plan?.size ?? this.#begunSize
    const done = this.#doneSize + active.reduce((sum, file) => sum + doneOf(file), 0)
    return {
      files: this.#plan?.files ?? this.#begun,
      size,
      doneFiles: this.#doneFiles,
      done: Math.min(done, size),
      bytes: this.#bytes,
      connections: {
        hub: active.reduce((sum, file) => sum + file.hub, 0),
        peers: active.reduce((sum, file) => sum + file.peers, 0),
      },
      speed: this.#meter.rate(),
      isMany: this.#plan !== undefined || this.#begun > 1,
    }
  }

  /** Bytes by peer, the most generous first. */
  peers(): { readonly name: string; readonly count: number }[] {
    return [...this.#peers].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count)
  }

  #begin(event: Extract<TransferEvent, { type: 'file-start' }>): void {
    this.#active.set(event.id, {
      name: event.name,
      size: event.size,
      present: event.present,
      bytes: noBytes(),
      meter: new SpeedMeter(this.#now),
      hub: 0,
      peers: 0,
      reason: undefined,
      retry: undefined,
      lastByteMs: this.#now(),
    })
    this.#begun += 1
    this.#begunSize += event.size
  }

  #change(event: Extract<TransferEvent, { id: number }>): void {
    const file = this.#active.get(event.id)
    if (!file) return
    switch (event.type) {
      case 'bytes':
        this.#count(file, event.kind, event.count)
        file.lastByteMs = this.#now()
        file.retry = undefined
        if (event.kind === 'peers') {
          this.#peers.set(event.source, (this.#peers.get(event.source) ?? 0) + event.count)
        }
        break
      case 'bytes-lost':
        this.#count(file, event.kind, -event.count)
        break
      case 'connections':
        file.hub = event.hub
        file.peers = event.peers
        break
      case 'wait':
        file.reason = event.reason
        break
      case 'retry':
        file.retry = `${event.source}: ${event.reason}`
        break
      case 'file-done':
        this.#active.delete(event.id)
        this.#doneFiles += 1
        this.#doneSize += file.size
        break
      case 'file-failed':
        this.#active.delete(event.id)
        break
    }
  }

  #count(file: FileState, kind: keyof BytesBySource, count: number): void {
    file.bytes[kind] += count
    file.meter.add(count)
    this.#bytes[kind] += count
    this.#meter.add(count)
  }

  #stallOf(file: FileState): string | undefined {
    if (file.reason !== undefined) return file.reason
    if (doneOf(file) >= file.size) return undefined
    const silentMs = this.#now() - file.lastByteMs
    if (silentMs < STALL_MS) return undefined
    return file.retry ?? `no data for ${Math.round(silentMs / 1000)} s`
  }
}

function doneOf(file: FileState): number {
  const { hub, peers, local } = file.bytes
  return Math.max(0, Math.min(file.size, file.present + hub + peers + local))
}

function noBytes(): MutableBytes {
  return { hub: 0, peers: 0, local: 0 }
}
