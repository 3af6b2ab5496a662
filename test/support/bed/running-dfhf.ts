import type { BytesBySource, FileResult } from '../../../src/transfer/transfer-event.ts'

/** What `--json` tells once a second. */
export interface Progress {
  readonly size: number
  readonly done: number
  readonly bytes: BytesBySource
}

/** How a process ended. */
export interface Exit {
  readonly code: number
  readonly stderr: string
  /** What it took of the processors. */
  readonly cpuMs: number
}

/** A result, and how long after the start of the process it was printed. */
export interface Printed {
  readonly result: FileResult
  readonly ms: number
}

/** A dfhf that runs somewhere in the bed, a download with `--json`; killed when disposed. */
export class RunningDfhf implements AsyncDisposable {
  /** Rejects when the process ends without a result. */
  readonly printed: Promise<Printed>
  readonly exit: Promise<Exit>
  /** The latest that it told. */
  progress: Progress = { size: 0, done: 0, bytes: { hub: 0, peers: 0, local: 0 } }
  readonly #startedAt = performance.now()
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #waiters = new Set<() => void>()
  #stderr = ''
  #isOver = false

  constructor(command: readonly string[], env: Readonly<Record<string, string>>) {
    const child = Bun.spawn([...command], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
    this.#child = child
    const heard = this.#hear(child.stderr)
    this.printed = this.#print(child.stdout, heard)
    // Who is interested waits for it; a process that was killed on purpose prints nothing.
    this.printed.catch(() => {})
    this.exit = Promise.all([child.exited, heard]).then(([code]) => ({
      code,
      stderr: this.#said(),
      cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000,
    }))
  }

  /** Resolves when the condition holds, looked at whenever the process says something; rejects when it ends first. */
  async until(condition: (dfhf: RunningDfhf) => boolean): Promise<void> {
    while (!condition(this)) {
      if (this.#isOver) throw new Error(`dfhf ended too early:\n${this.#said()}`)
      await new Promise<void>((wake) => this.#waiters.add(wake))
    }
  }

  /** Resolves when it has said `text` on stderr. */
  said(text: string): Promise<void> {
    return this.until(() => this.#stderr.includes(text))
  }

  /** All that it said on stderr, but for its progress. */
  get text(): string {
    return this.#said()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exit
  }

  async #hear(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let line = ''
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true })
      this.#stderr += text
      const lines = (line + text).split('\n')
      line = lines.pop() ?? ''
      for (const whole of lines) this.#note(whole)
      this.#wake()
    }
    this.#isOver = true
    this.#wake()
  }

  /** What it said but for its progress. */
  #said(): string {
    return this.#stderr.replaceAll(/^\{"event":"progress".*\n/gm, '')
  }

  #note(line: string): void {
    if (line.startsWith('{"event":"progress"')) this.progress = JSON.parse(line) as Progress
  }

  #wake(): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiters) wake()
  }

  async #print(stream: ReadableStream<Uint8Array>, heard: Promise<void>): Promise<Printed> {
    let text = ''
    for await (const chunk of stream) {
      text += new TextDecoder().decode(chunk)
      if (!text.includes('\n')) continue
      return { result: JSON.parse(text) as FileResult, ms: performance.now() - this.#startedAt }
    }
    await heard
    throw new Error(`dfhf ended without a result:\n${this.#said()}`)
  }
}
