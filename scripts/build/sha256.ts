import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** The sha256 of a file. */
export async function sha256(path: string): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest()
}

/** The sha256 of a file in hexadecimal digits. */
export async function sha256Hex(path: string): Promise<string> {
  return (await sha256(path)).toString('hex')
}
