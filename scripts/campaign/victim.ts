import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningDfhf, type RunResult, startDfhf } from '../../test/support/program/binary.ts'
import type { Machine } from '../../test/support/program/machine.ts'

const SAMPLE_MS = 200

/** What a process took at most. */
export interface Appetite {
  readonly memory: number
  readonly handles: number
}

/** A machine of a run: a folder with a Hugging Face home, and what dfhf shall know there. */
export interface VictimMachine extends Machine {
  readonly name: string
  readonly home: string
}

/** How the environment of a machine is made. */
export interface MachineOptions {
  readonly name: string
  readonly folder: string
  readonly endpoint: string
  readonly token: string | undefined
  readonly clusterKey: string | undefined
  readonly env: Readonly<Record<string, string>>
  /** Marks every process of the run. */
  readonly mark: string
}

/** Makes the folder and environment of one machine; the folder stays until the run removes it. */
export function makeMachine({
  name,
  folder,
  endpoint,
  token,
  clusterKey,
  env,
  mark,
}: MachineOptions): VictimMachine {
  const home = join(folder, 'hf')
  mkdirSync(home, { recursive: true })
  const keyFile = join(folder, 'cluster-key')
  if (clusterKey !== undefined) writeFileSync(keyFile, clusterKey, { mode: 0o600 })
  return {
    name,
    folder,
    home,
    cache: join(home, 'hub'),
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      HF_HOME: home,
      HF_ENDPOINT: endpoint,
      DFHF_CAMPAIGN_RUN: mark,
      ...(token !== undefined && { HF_TOKEN: token }),
      ...(clusterKey !== undefined && { DFHF_CLUSTER_KEY_FILE: keyFile }),
      ...env,
    },
    [Symbol.dispose]: () => {},
  }
}

/** A dfhf of the campaign, with what it took of the machine. */
export class Victim implements AsyncDisposable {
  readonly machine: VictimMachine
  readonly args: readonly string[]
  readonly startedAt = performance.now()
  /** Resolves when the process is over. */
  readonly ended: Promise<RunResult & { readonly ms: number }>
  readonly #running: RunningDfhf
  readonly #timer: Timer
  #appetite: Appetite = { memory: 0, handles: 0 }

  private constructor(machine: VictimMachine, args: readonly string[], running: RunningDfhf) {
    this.machine = machine
    this.args = args
    this.#running = running
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
    this.ended = running.result.then((result) => {
      clearInterval(this.#timer)
      return { ...result, ms: performance.now() - this.startedAt }
    })
  }

  static async start(machine: VictimMachine, args: readonly string[]): Promise<Victim> {
    return new Victim(machine, args, await startDfhf(machine, args))
  }

  get appetite(): Appetite {
    return this.#appetite
  }

  get stderr(): string {
    return this.#running.stderr()
  }

  said(text: string): Promise<void> {
    return this.#running.said(text)
  }

  kill(signal: NodeJS.Signals): void {
    this.#running.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running[Symbol.asyncDispose]()
  }

  #sample(): void {
    try {
      const status = readFileSync(`/proc/${this.#running.pid}/status`, 'utf8')
      const memory = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
      const handles = readdirSync(`/proc/${this.#running.pid}/fd`).length
      this.#appetite = {
        memory: Math.max(memory, this.#appetite.memory),
        handles: Math.max(handles, this.#appetite.handles),
      }
    } catch {
      // It ended since.
    }
  }
}

/** The ids of all processes that carry a run's mark. */
export function processesOf(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').includes(`DFHF_CAMPAIGN_RUN=${mark}\0`)
      } catch {
        return false
      }
    })
    .map(Number)
}
