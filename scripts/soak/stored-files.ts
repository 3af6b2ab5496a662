import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What lies in a daemon's store. */
export interface StoredFiles {
  /** Bytes that the disk has given to all files. */
  readonly allocated: number
  /** Paths below the store. */
  readonly paths: readonly string[]
}

/** Looks at every file of a store while a daemon writes to it: what vanishes meanwhile is passed over. */
export function storedFiles(root: string): StoredFiles {
  let allocated = 0
  const paths: string[] = []
  for (const name of listOf(root)) {
    const stats = statSync(join(root, name), { throwIfNoEntry: false })
    if (!stats?.isFile()) continue
    allocated += stats.blocks * 512
    paths.push(name)
  }
  return { allocated, paths }
}

function listOf(root: string): string[] {
  try {
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
}
