import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { DfhfError } from '../base/errors.ts'
import { formatSize } from '../base/size.ts'
import { systemReason } from '../base/system-reason.ts'

/**
 * All of a small text that the user names: a file, a pipe such as `<(command)`, or `-` for stdin. Throws `usage` where
 * it cannot be read, is larger than `maxSize` or is no UTF-8, and the signal's reason.
 */
export async function readGivenFile(
  path: string,
  {
    maxSize,
    what,
    signal,
  }: { readonly maxSize: number; readonly what: string; readonly signal: AbortSignal },
): Promise<string> {
  const name = path === '-' ? 'stdin' : path
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of addAbortSignal(signal, path === '-' ? process.stdin : createReadStream(path))) {
      const bytes = Buffer.from(part)
      size += bytes.length
      if (size > maxSize) throw new DfhfError('usage', `${what} ${name} has more than ${formatSize(maxSize)}`)
      parts.push(bytes)
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof DfhfError) throw cause
    throw new DfhfError('usage', `cannot read ${what} ${name}: ${systemReason(cause)}`, { cause })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch (cause) {
    throw new DfhfError('usage', `${what} ${name} is no UTF-8 text`, { cause })
  }
}
