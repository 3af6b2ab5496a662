/** What the process measures and does. Tests give their own; the defaults are the process itself. */
export interface OwnProcess {
  /** Microseconds of CPU time so far. */
  readonly cpuTime: () => number
  /** Bytes that it holds in memory. */
  readonly residentSize: () => number
  /** Drops compiled code and garbage once the event loop is free. */
  readonly shrink: () => void
  /** Collects all garbage before it returns. */
  readonly collect: () => void
}

let lastSize = 0

/** The process itself. */
export const thisProcess: OwnProcess = {
  cpuTime: () => {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  residentSize() {
    try {
      lastSize = process.memoryUsage.rss()
    } catch {
      // It is read from a file, and the process may have as many open as it may: no reason to end.
    }
    return lastSize
  },
  shrink: () => Bun.shrink(),
  collect: () => Bun.gc(true),
}
