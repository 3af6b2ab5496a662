import type { Daemon, Footprint } from './daemon.ts'

const LOOK_MS = 1_000

/** What a process that is away takes. */
export const nothing: Footprint = { residentBytes: 0, handles: 0, deletedFiles: [] }

/** What a daemon takes now; nothing while it is away. */
export function footprintOf(daemon: Daemon): Footprint {
  return daemon.footprint() ?? nothing
}

/** Looks every second at what the daemons take. */
export class Look {
  /** Most bytes that a store took on its disk. */
  mostStored = 0
  /** Of each daemon, the most of everything. */
  readonly most: Footprint[]
  readonly #daemons: readonly Daemon[]
  readonly #timer: Timer

  constructor(daemons: readonly Daemon[], first: readonly Footprint[]) {
    this.#daemons = daemons
    this.most = [...first]
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  stop(): void {
    this.#look()
    clearInterval(this.#timer)
  }

  #look(): void {
    for (const [index, daemon] of this.#daemons.entries()) {
      this.mostStored = Math.max(this.mostStored, daemon.stored().allocated)
      const now = footprintOf(daemon)
      const before = this.most[index] ?? nothing
      this.most[index] = {
        residentBytes: Math.max(now.residentBytes, before.residentBytes),
        handles: Math.max(now.handles, before.handles),
        deletedFiles: [...new Set([...before.deletedFiles, ...now.deletedFiles])],
      }
    }
  }
}
