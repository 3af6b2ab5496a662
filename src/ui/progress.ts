import type { BytesBySource, FileResult, TransferEvent } from '../transfer/transfer-event.ts'
import type { Now } from './reporter.ts'
import { SpeedMeter } from './speed-meter.ts'

/** After this long without a byte a file counts as stalled, and its reason is shown. */
const STALL_MS = 3000

type Plan = Extract<TransferEvent, { type: 'plan' }>

/** So many files with so many bytes. */
interface Amount {
  readonly files: number
  readonly size: number
}

const nothing: Amount = { files: 0, size: 0 }

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
  /** Always: what a single file holds is known. */
  readonly isWhole: true
  /** Why nothing arrives, or undefined while something does. */
  readonly stall: string | undefined
}

/** All files together. */
export interface TotalProgress {
  /** All files and bytes that are meant, those that were here before included. */
  readonly files: number
  readonly size: number
  /** False while the list of files is still being read, so that there may be more of them. */
  readonly isWhole: boolean
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
  /** Why files wait that have not begun: another process holds them. */
  readonly #held = new Map<number, string>()
  #plan: Plan | undefined
  #begun: Amount = nothing
  /** Of the files that were missing. */
  #fetched: Amount = nothing
  /** Of all files, those that were here included. */
  #done: Amount = nothing

  constructor(now: Now) {
    this.#now = now
    this.#meter = new SpeedMeter(now)
  }

  apply(event: TransferEvent): void {
    if (event.type === 'plan') this.#plan = event
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
      isWhole: true,
      stall: this.#stallOf(file),
    }))
  }

  total(): TotalProgress {
    const active = [...this.#active.values()]
    const goal = this.#plan ?? this.#begun
    const before = this.#plan ? alreadyHere(this.#plan) : nothing
    const arriving = active.reduce((sum, file) => sum + doneOf(file), 0)
    const done = Math.max(before.size + this.#fetched.size, this.#done.size) + arriving
    return {
      files: goal.files,
      size: goal.size,
      isWhole: this.#plan?.isWhole ?? true,
      doneFiles: Math.min(goal.files, Math.max(before.files + this.#fetched.files, this.#done.files)),
      done: Math.min(goal.size, done),
      bytes: this.#bytes,
      connections: {
        hub: active.reduce((sum, file) => sum + file.hub, 0),
        peers: active.reduce((sum, file) => sum + file.peers, 0),
      },
      speed: this.#meter.rate(),
      isMany: this.#plan !== undefined || this.#begun.files > 1,
    }
  }

  /** Why files wait that have not begun yet. */
  held(): string[] {
    return [...new Set(this.#held.values())]
  }

  /** True when every file of the plan is complete. */
  get isComplete(): boolean {
    return this.total().isWhole && this.#done.files >= (this.#plan ?? this.#begun).files
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
    this.#held.delete(event.id)
    this.#begun = plus(this.#begun, event.size)
  }

  #change(event: Extract<TransferEvent, { id: number }>): void {
    if (event.type === 'file-done') this.#end(event.id, event.result)
    else if (event.type === 'file-failed') this.#forget(event.id)
    const file = this.#active.get(event.id)
    if (!file) {
      if (event.type === 'wait') this.#hold(event.id, event.reason)
      return
    }
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
    }
  }

  /** A file that never began was here, or was copied on this machine. */
  #end(id: number, { size, bytes }: FileResult): void {
    const began = this.#active.has(id)
    this.#forget(id)
    this.#done = plus(this.#done, size)
    if (began || bytes.local > 0) this.#fetched = plus(this.#fetched, size)
    if (!began) this.#bytes.local += bytes.local
  }

  #hold(id: number, reason: string | undefined): void {
    if (reason === undefined) this.#held.delete(id)
    else this.#held.set(id, reason)
  }

  #forget(id: number): void {
    this.#active.delete(id)
    this.#held.delete(id)
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

function plus({ files, size }: Amount, more: number): Amount {
  return { files: files + 1, size: size + more }
}

function alreadyHere({ files, size, missingFiles, missingSize }: Plan): Amount {
  return { files: files - missingFiles, size: size - missingSize }
}
