/**
 * From so much CPU time on code that is used again and again is compiled as soon as usual, in microseconds. The build has
 * the program begin with compiling less: most runs are over before it pays. Compiling takes a fifth of the CPU time of a
 * download over a link, and 10 MB.
 */
const SHORT_RUN_US = 3_000_000
const LOOK_EVERY_MS = 1_000

/** What the process has used so far, and what makes its runtime compile as soon as usual. */
interface CompilingProcess {
  /** In microseconds. */
  cpuUs(): number
  compileSoon(): void
}

const thisProcess: CompilingProcess = {
  cpuUs() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  compileSoon: () => Bun.unsafe.setJITPolicy(1),
}

/** Has the runtime compile as soon as usual once this process turns out to have more to do than a short run. */
export function compileInLongRuns(own = thisProcess, lookEveryMs = LOOK_EVERY_MS): void {
  const looking = setInterval(() => {
    if (own.cpuUs() < SHORT_RUN_US) return
    clearInterval(looking)
    own.compileSoon()
  }, lookEveryMs).unref()
}
