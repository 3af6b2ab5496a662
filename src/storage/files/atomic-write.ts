import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'

/** Eight hex digits that no other process draws at the same time. */
export function randomSuffix(): string {
  return randomBytes(4).toString('hex')
}

/** Writes a text, or its parts in turn, through `<path>.<8hex>.tmp` and a rename: readers see the old text or the new, never a part. */
export async function writeFileAtomically(path: string, text: string | Iterable<string>): Promise<void> {
  const temporary = `${path}.${randomSuffix()}.tmp`
  try {
    await writeParts(temporary, typeof text === 'string' ? [text] : text)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** By hand: the runtime's own `writeFile` puts NULs behind what comes in several parts. */
async function writeParts(path: string, parts: Iterable<string>): Promise<void> {
  await using handle = await open(path, 'wx', 0o666)
  let end = 0
  for (const part of parts) {
    const bytes = Buffer.from(part)
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, end)
      at += bytesWritten
      end += bytesWritten
    }
  }
}
