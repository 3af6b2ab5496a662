import { Writable } from 'node:stream'
import type { TextOutput } from './text-output.ts'

/**
 * The terminal as cli-progress sees it. Its many small writes of one redraw go out as one, so that nothing flickers;
 * it is told of endless columns, since it would cut coloured lines in the middle of an escape sequence.
 */
export class FrameStream extends Writable {
  readonly isTTY = true
  readonly columns = Number.MAX_SAFE_INTEGER
  readonly #output: TextOutput
  #frame = ''

  constructor(output: TextOutput) {
    super({ decodeStrings: false })
    this.#output = output
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    if (this.#frame === '') queueMicrotask(() => this.flush())
    this.#frame += String(chunk)
    done()
  }

  /** Sends what has gathered. */
  flush(): void {
    if (this.#frame === '') return
    const frame = this.#frame
    this.#frame = ''
    this.#output.write(frame)
  }
}
