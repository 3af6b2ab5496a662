import { UnusableNameError } from '../repo/file-errors.ts'

/** The part of a listing's entry that decides whether it clashes with others. */
interface Listed {
  readonly path: string
  readonly oid: string
}

/**
 * Why some paths of a listing cannot be stored beside the others: a file that is a folder of others as well, or one that
 * is listed with two contents. No git tree holds either, so the listing of a mirror is wrong, and dfhf cannot know how.
 */
export function findClashes(files: readonly Listed[]): ReadonlyMap<string, UnusableNameError> {
  const clashes = new Map<string, UnusableNameError>()
  const oids = new Map<string, string>()
  for (const { path, oid } of files) {
    const known = oids.get(path)
    if (known === undefined) oids.set(path, oid)
    else if (known !== oid) clashes.set(path, clash(path, 'it is listed with two contents'))
  }
  const sorted = [...oids.keys()].sort()
  for (const path of oids.keys()) {
    const below = `${path}/`
    if (sorted[firstFrom(sorted, below)]?.startsWith(below))
      clashes.set(path, clash(path, 'it is a folder of other files, too'))
  }
  return clashes
}

/** The files, each path once; the first of those with the same path stays. */
export function withoutRepeats<T extends { readonly path: string }>(files: readonly T[]): T[] {
  const seen = new Set<string>()
  return files.filter(({ path }) => seen.size < seen.add(path).size)
}

/** The index of the first text that does not come before `text`. */
function firstFrom(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') < text) low = middle + 1
    else high = middle
  }
  return low
}

function clash(path: string, why: string): UnusableNameError {
  return new UnusableNameError('bad-response', `refused the path ${JSON.stringify(path)}: ${why}`)
}
