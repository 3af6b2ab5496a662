import type { ExitCode } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'

/** The exit code for each signal that stops dfhf, as a shell would give it. */
const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const satisfies Readonly<Record<string, ExitCode>>

/** A signal that asks dfhf to stop. */
type StopSignal = keyof typeof codes

/** Where signals come from; `process` is one. */
export interface SignalSource {
  on(name: StopSignal, listener: () => void): unknown
  off(name: StopSignal, listener: () => void): unknown
}

/** The two ways to stop: the first signal cancels politely, the second aborts at once. */
export interface StopSignals extends Disposable {
  readonly signal: AbortSignal
  /** The exit code of the first signal that came. */
  readonly exitCode: number | undefined
}

/** Listens until disposed; `abort` is called with an exit code on the second signal and must not return. */
export function listenForStop(source: SignalSource, abort: (exitCode: number) => void): StopSignals {
  const controller = new AbortController()
  let exitCode: number | undefined
  const listeners = stopSignals.map((name) => {
    const listener = () => {
      if (exitCode !== undefined) return abort(codes[name])
      exitCode = codes[name]
      controller.abort(
        new DfhfError('interrupted', 'interrupted; what was fetched is kept', {
          hint: 'run the same command again to go on',
        }),
      )
    }
    source.on(name, listener)
    return { name, listener }
  })
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    [Symbol.dispose]() {
      for (const { name, listener } of listeners) source.off(name, listener)
    },
  }
}

const stopSignals: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
