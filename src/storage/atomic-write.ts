import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'

/** Eight hex digits that no other process draws at the same time. */
export function randomSuffix(): string {
  return randomBytes(4).toString('hex')
}

/** Writes a text, or its parts in turn, through `<path>.<8hex>.tmp` and a rename: readers see the old text or the new, never a part. */
export async function writeFileAtomically(path: string, text: string | Iterable<string>): Promise<void> {
  const temporary = `${path}.${randomSuffix()}.tmp`
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o666 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
