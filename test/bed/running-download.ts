import type { FileResult } from '../../src/transfer/transfer-event.ts'

/** How a process ended. */
export interface Exit {
  readonly code: number
  readonly stderr: string
  /** Since its start. */
  readonly ms: number
  /** What it took of the processors. */
  readonly cpuMs: number
}

/** A result, and how long after the start of the process it was printed. */
export interface Printed {
  readonly result: FileResult
  readonly ms: number
}

/** A `dfhf download --json` that runs somewhere in the bed; killed when disposed. */
export class RunningDownload implements AsyncDisposable {
  readonly startedAt = performance.now()
  readonly pid: number
  /** Rejects when the process ends without a result. */
  readonly printed: Promise<Printed>
  readonly exit: Promise<Exit>
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  #stderr = ''

  constructor(command: readonly string[], env: Readonly<Record<string, string>>) {
    const child = Bun.spawn([...command], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
    this.#child = child
    this.pid = child.pid
    const heard = this.#hear(child.stderr)
    this.printed = this.#print(child.stdout, heard)
    this.printed.catch(() => {})
    this.exit = Promise.all([child.exited, heard]).then(([code]) => ({
      code,
      stderr: this.#stderr,
      ms: performance.now() - this.startedAt,
      cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000,
    }))
  }

  /** What it said on stderr so far. */
  get stderr(): string {
    return this.#stderr
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
    for await (const chunk of stream) this.#stderr += decoder.decode(chunk, { stream: true })
  }

  async #print(stream: ReadableStream<Uint8Array>, heard: Promise<void>): Promise<Printed> {
    let text = ''
    for await (const chunk of stream) {
      text += new TextDecoder().decode(chunk)
      if (!text.includes('\n')) continue
      return { result: JSON.parse(text) as FileResult, ms: performance.now() - this.startedAt }
    }
    await heard
    throw new Error(`dfhf ended without a result:\n${this.#stderr}`)
  }
}
