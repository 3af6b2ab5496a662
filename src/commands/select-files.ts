import { DfhfError } from '../base/errors.ts'
import { literalPattern } from '../repo/patterns.ts'
import { isSafeRepoPath } from '../repo/repo-path.ts'

/** Which files of a repo a command means. */
export type Selection =
  /** One file by its exact path; that it does not exist is an error. */
  | { readonly kind: 'file'; readonly path: string }
  /** All files that a pattern of `include` matches (none given: all) and none of `exclude`. */
  | {
      readonly kind: 'files'
      /** undefined keeps every file. */
      readonly include: readonly string[] | undefined
      readonly exclude: readonly string[]
      /** Patterns of `include` that the user wrote as names: one that matches no file is an error. */
      readonly mustMatch: readonly string[]
    }

/**
 * What `hf download` makes of file names: exactly one that does not end in `/` is that file; several, or a folder,
 * are patterns. Unlike there, a plain name that matches nothing is an error, and names beside --include or
 * --exclude are refused instead of winning over them with a warning.
 */
export function selectFiles(
  names: readonly string[],
  patterns: { readonly include: readonly string[]; readonly exclude: readonly string[] },
): Selection {
  const { include, exclude } = patterns
  if (names.length === 0) {
    return { kind: 'files', include: include.length > 0 ? include : undefined, exclude, mustMatch: [] }
  }
  if (include.length + exclude.length > 0) {
    throw new DfhfError('usage', 'file names do not go together with --include and --exclude', {
      hint: `give each name as a pattern instead: --include '${names[0]}'`,
    })
  }
  const [first] = names
  if (names.length === 1 && first !== undefined && !first.endsWith('/')) {
    return { kind: 'file', path: checkFileName(first) }
  }
  const asPatterns = names.map((name) => (name.endsWith('/') ? `${name}**` : name))
  return {
    kind: 'files',
    include: asPatterns,
    exclude: [],
    mustMatch: asPatterns.filter((pattern, index) => !/[*?[]/.test(names[index] ?? pattern)),
  }
}

/** The folder of an address; `*` and the like in its name stand for themselves. */
export function selectFolder(
  path: string,
  patterns: { readonly include: readonly string[]; readonly exclude: readonly string[] },
): Selection {
  const pattern = `${literalPattern(path)}**`
  return {
    ...selectFiles([path], patterns),
    kind: 'files',
    include: [pattern],
    exclude: [],
    mustMatch: [pattern],
  }
}

/** Refuses a name that is no path in a repo: in the Hub's address `..` would lead out of it. */
function checkFileName(name: string): string {
  if (isSafeRepoPath(name)) return name
  throw new DfhfError('usage', `not a path in a repo: '${name}'`, {
    hint: 'write it as the Hub lists it, without .. and without a slash at the start',
  })
}
