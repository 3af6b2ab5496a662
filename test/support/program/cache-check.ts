import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Everything that is wrong with a Hugging Face cache: what huggingface_hub's own scan would warn of, bytes that are
 * not what their name says, and what a finished run leaves behind. Empty when there is no cache at all.
 */
export function cacheFaults(cache: string, options: { readonly mayHavePartials?: boolean } = {}): string[] {
  if (!existsSync(cache)) return []
  const faults: string[] = []
  for (const name of readdirSync(cache)) {
    if (name === '.locks' || name === 'CACHEDIR.TAG') continue
    const isRepo = /^(?:models|datasets|spaces|kernels)--/.test(name)
    if (!isRepo || !statSync(join(cache, name)).isDirectory()) faults.push(`${name} in the cache's root`)
    else faults.push(...repoFaults(cache, name, options.mayHavePartials ?? false))
  }
  return faults
}

/** The names of all partial files below a folder. */
export function partialsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.incomplete'))
}

function repoFaults(cache: string, name: string, mayHavePartials: boolean): string[] {
  const folder = join(cache, name)
  const faults: string[] = []
  if (!existsSync(join(folder, 'snapshots'))) faults.push(`${name} has no snapshots folder`)
  for (const { path, isLink } of filesBelow(join(folder, 'snapshots'))) {
    if (!/^[0-9a-f]{40}\//.test(path)) faults.push(`${name}/snapshots/${path} is in no commit`)
    if (isLink && !existsSync(join(folder, 'snapshots', path))) faults.push(`${name}: broken link ${path}`)
  }
  for (const { path } of filesBelow(join(folder, 'refs'))) {
    const commit = readFileSync(join(folder, 'refs', path), 'utf8')
    if (!existsSync(join(folder, 'snapshots', commit))) faults.push(`${name}: ref ${path} leads nowhere`)
  }
  for (const { path } of filesBelow(join(folder, 'blobs'))) {
    const isPartial = path.endsWith('.incomplete')
    if (isPartial ? !mayHavePartials : !isItsName(join(folder, 'blobs', path), path)) {
      faults.push(`${name}/blobs/${path}`)
    }
  }
  return faults
}

function isItsName(file: string, oid: string): boolean {
  const bytes = readFileSync(file)
  if (oid.length === 64) return createHash('sha256').update(bytes).digest('hex') === oid
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex') === oid
}

function filesBelow(folder: string): { path: string; isLink: boolean }[] {
  if (!existsSync(folder)) return []
  return (readdirSync(folder, { recursive: true }) as string[]).flatMap((path) => {
    const stats = lstatSync(join(folder, path))
    return stats.isDirectory() ? [] : [{ path, isLink: stats.isSymbolicLink() }]
  })
}
