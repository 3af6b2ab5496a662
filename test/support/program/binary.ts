import { findBinary } from './find-binary.ts'
import type { Machine } from './machine.ts'

/** How dfhf is run: what is absent is as on a fresh machine. */
export interface RunOptions {
  /** Added to the machine's environment, or removed from it where undefined. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** A command before dfhf, such as `ip netns exec name`. */
  readonly prefix?: readonly string[]
  /** @default this machine's own */
  readonly binary?: string
}

/** What a run left behind. */
export interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A dfhf that runs; killed when disposed. */
export interface RunningDfhf extends AsyncDisposable {
  readonly pid: number
  readonly result: Promise<RunResult>
  /** What it said on stderr so far. */
  stderr(): string
  /** Resolves when stderr holds `text`; rejects when dfhf ends without having said it. */
  said(text: string): Promise<void>
  /** Resolves to what the group of `pattern` holds as soon as stderr matches it; rejects as `said` does. */
  told(pattern: RegExp): Promise<string>
  kill(signal: NodeJS.Signals): void
}

let binary: Promise<string> | undefined

/** The binary, out of reach of its sources: DFHF_BINARY where set, else built once in this process. */
export function dfhfBinary(): Promise<string> {
  binary ??= findBinary()
  return binary
}

/** Runs dfhf to its end. */
export async function runDfhf(
  machine: Machine,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  await using running = await startDfhf(machine, args, options)
  return await running.result
}

/** Starts dfhf, to act on it while it runs. */
export async function startDfhf(
  machine: Machine,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunningDfhf> {
  const command = [...(options.prefix ?? []), options.binary ?? (await dfhfBinary()), ...args]
  const child = Bun.spawn(command, {
    env: { ...machine.env, ...options.env },
    cwd: options.cwd ?? machine.folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const heard = new Heard(child.stderr)
  const stdout = new Response(child.stdout).text()
  const result = Promise.all([child.exited, stdout, heard.ended]).then(([code, text]) => ({
    code,
    stdout: text,
    stderr: heard.text,
  }))
  return {
    pid: child.pid,
    result,
    stderr: () => heard.text,
    said: async (text) => void (await heard.until((said) => said.includes(text) || undefined, text)),
    told: (pattern) => heard.until((said) => pattern.exec(said)?.[1], String(pattern)),
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await result
    },
  }
}

/** A stream's text as it comes. */
class Heard {
  text = ''
  readonly ended: Promise<void>
  readonly #waiters = new Set<() => void>()
  #isOver = false

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream)
  }

  /** Resolves to what `find` makes of the text once that is something. */
  async until<T>(find: (text: string) => T | undefined, what: string): Promise<T> {
    for (;;) {
      const found = find(this.text)
      if (found !== undefined) return found
      if (this.#isOver) throw new Error(`dfhf ended without having said '${what}':\n${this.text}`)
      await new Promise<void>((wake) => this.#waiters.add(wake))
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true })
      this.#wake()
    }
    this.#isOver = true
    this.#wake()
  }

  #wake(): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiters) wake()
  }
}
