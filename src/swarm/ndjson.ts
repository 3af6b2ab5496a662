import { DfhfError } from '../base/errors.ts'

/**
 * The lines of a body, without their newlines. Throws `bad-response` when one has more than `maxLine` bytes, and
 * `network` when the body ends within one.
 */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  options: { readonly maxLine: number; readonly sender: string },
): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)]).toString('utf8')
      parts = []
      size = 0
      start = end + 1
      if (line.length > options.maxLine) throw tooLong(options.sender)
      if (line.trim() !== '') yield line
    }
    size += chunk.length - start
    if (size > options.maxLine) throw tooLong(options.sender)
    if (start < chunk.length) parts.push(chunk.subarray(start))
  }
  if (size > 0)
    throw new DfhfError('network', `peer ${options.sender} closed within a line`, { retryable: true })
}

function tooLong(sender: string): DfhfError {
  return new DfhfError('bad-response', `peer ${sender} sent a line without end`)
}
