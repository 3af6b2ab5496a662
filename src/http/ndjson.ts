import { DfhfError } from '../base/errors.ts'

/**
 * The lines of a body, without their newlines; empty ones are passed over. Throws `bad-response` when one has more than
 * `maxLine` bytes, and `network` when the body ends within one; `sender` is named in both.
 */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  options: { readonly maxLine: number; readonly sender: string },
): AsyncGenerator<string> {
  const held = new HeldBytes()
  for await (const chunk of body) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      if (held.size + end - start > options.maxLine) throw tooLong(options.sender)
      held.add(chunk.subarray(start, end))
      const line = held.take()
      start = end + 1
      if (line.trim() !== '') yield line
    }
    if (held.size + chunk.length - start > options.maxLine) throw tooLong(options.sender)
    held.add(chunk.subarray(start))
  }
  if (held.size > 0)
    throw new DfhfError('network', `${options.sender} closed within a line`, { retryable: true })
}

/** The beginning of a line, copied: a chunk of one byte may keep a socket's whole buffer in memory. */
class HeldBytes {
  #bytes = Buffer.alloc(1024)
  size = 0

  add(bytes: Uint8Array): void {
    const size = this.size + bytes.length
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length))
      larger.set(this.#bytes.subarray(0, this.size))
      this.#bytes = larger
    }
    this.#bytes.set(bytes, this.size)
    this.size = size
  }

  take(): string {
    const text = this.#bytes.toString('utf8', 0, this.size)
    this.size = 0
    return text
  }
}

function tooLong(sender: string): DfhfError {
  return new DfhfError('bad-response', `${sender} sent a line without end`)
}
