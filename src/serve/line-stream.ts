import { safeJson } from '../base/safe-json.ts'

/** The number of unsent lines at which the writer has to wait. */
const MOST_WAITING = 256

/** JSON lines between a writer and the client that reads them; the writer waits while the client does not read. */
export class LineStream implements AsyncIterable<Uint8Array> {
  readonly #lines: Uint8Array[] = []
  readonly #onLeave: () => void
  #wake: () => void = () => {}
  #resume: (() => void)[] = []
  #isOver = false

  /** `onLeave` is called when the reader goes away before the end. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave
  }

  /** Adds a line; resolves when there is room for the next. */
  push(value: object): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    this.#lines.push(new TextEncoder().encode(`${safeJson(value)}\n`))
    this.#wake()
    if (this.#lines.length < MOST_WAITING) return Promise.resolve()
    return new Promise((resolve) => this.#resume.push(resolve))
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        for (;;) {
          const line = this.#lines.shift()
          if (line) {
            if (this.#lines.length < MOST_WAITING / 2) this.#letGoOn()
            return { done: false, value: line }
          }
          if (this.#isOver) return { done: true, value: undefined }
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      },
      return: async () => {
        if (!this.#isOver) this.#onLeave()
        this.#isOver = true
        this.#letGoOn()
        return { done: true, value: undefined }
      },
    }
  }

  #letGoOn(): void {
    for (const resume of this.#resume.splice(0)) resume()
  }
}
