import type { TextOutput } from '../../src/ui/text-output.ts'

/** An output that keeps what is written, and tells those who wait for a text. */
export class MemoryOutput implements TextOutput {
  readonly isTTY: boolean
  columns: number
  /** What every write ends with, instead of success. */
  failure: NodeJS.ErrnoException | undefined
  readonly writes: string[] = []
  readonly #waiting = new Set<() => void>()

  constructor(options: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
    this.isTTY = options.isTTY ?? false
    this.columns = options.columns ?? 80
  }

  get text(): string {
    return this.writes.join('')
  }

  write(text: string, done?: (error?: NodeJS.ErrnoException | null) => void): boolean {
    this.writes.push(text)
    for (const check of this.#waiting) check()
    done?.(this.failure)
    return true
  }

  /** Resolves as soon as all that was written matches. */
  until(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!pattern.test(this.text)) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }
}
