import { join } from 'node:path'
import { checkMessages } from './check-messages.ts'
import { keepText } from './disk.ts'
import { makeMachine, type Victim, type VictimMachine } from './victim.ts'
import type { World } from './world.ts'

const MEMORY_BOUND = 300e6
const HANDLES_BOUND = 700
const STOP_MS = 10_000

/** Where victims listen: on addresses of the run's own, and below the ports that the system hands out, these are free. */
export const ports = { gateway: 7001, peers: 7002 } as const

/** How strictly a run is judged. */
export interface Strictness {
  /** What all time limits are multiplied with, on a machine that is shared. */
  readonly slack: number
  /** Whether times are told rather than judged. */
  readonly onlyReportsTimes: boolean
}

/** What the stages of one run share. */
export interface RunContext extends Strictness {
  readonly world: World
  readonly folder: string
  /** Marks every process of the run. */
  readonly mark: string
}

/** The most that any dfhf of a run took. */
export interface Peaks {
  memory: number
  handles: number
}

/** A machine of the run; `below` keeps those of several stages apart. */
export function machineOf(
  context: RunContext,
  name: string,
  options: { readonly token?: string | undefined } = {},
): VictimMachine {
  const { world, folder, mark } = context
  const { plan } = world
  return makeMachine({
    name,
    folder: join(folder, name),
    endpoint: world.hub.url,
    token: options.token,
    clusterKey: plan.hasKey ? world.clusterKey : undefined,
    env: Object.assign({}, ...plan.hub.map(({ env }) => env)),
    mark,
  })
}

/** The most milliseconds that a download may take when the same download took `aloneMs` without peers. */
export function boundOf(aloneMs: number, { slack }: Strictness): number {
  return (2 * aloneMs + 10_000) * slack
}

/** Resolves to undefined when the promise is not settled in time. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: Timer | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Notes what a process took, what it said and how it ended; to be called when it is over. */
export async function judgeEnd(
  context: RunContext,
  victim: Victim,
  peaks: Peaks,
  wasKilled = false,
): Promise<void> {
  const { world, folder } = context
  const { findings, watch } = world
  const result = await victim.ended
  const { name } = victim.machine
  const { memory, handles } = victim.appetite
  peaks.memory = Math.max(peaks.memory, memory)
  peaks.handles = Math.max(peaks.handles, handles)
  if (memory > MEMORY_BOUND) findings.add('memory', `${name} took ${(memory / 1e6).toFixed(0)} MB`)
  if (handles > HANDLES_BOUND) findings.add('handles', `${name} had ${handles} open handles`)
  checkMessages(name, result, { findings, watch, wasKilled })
  const head = `$ dfhf ${victim.args.join(' ')}\nexit ${result.code} after ${result.ms.toFixed(0)} ms\n`
  keepText(
    join(folder, 'logs'),
    `${name}-${Math.round(victim.startedAt)}.txt`,
    `${head}${result.stdout}\n${result.stderr}`,
  )
}

/** Ends a daemon as systemd does, and notes when it does not end. */
export async function stopDaemon(context: RunContext, daemon: Victim, peaks: Peaks): Promise<void> {
  daemon.kill('SIGTERM')
  const ended = await within(STOP_MS * context.slack, daemon.ended)
  if (!ended) {
    context.world.findings.add(
      'stopping',
      `${daemon.machine.name} did not end within ${STOP_MS * context.slack} ms of SIGTERM`,
    )
    daemon.kill('SIGKILL')
  }
  await judgeEnd(context, daemon, peaks, !ended)
}
