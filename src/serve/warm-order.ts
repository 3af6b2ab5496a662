import { DfhfError } from '../base/errors.ts'
import { isObject } from '../base/json-object.ts'
import { parseRepo } from '../hub/parse-repo.ts'
import { checkRevision, parseRepoType, type Repo } from '../repo/repo.ts'

const MAX_PATTERNS = 1_000
/** The most characters of all patterns together, since matching costs each path of the repo times each character. */
const MAX_PATTERN_CHARACTERS = 20_000

/** What a node is asked to fetch into its store. */
export interface WarmOrder {
  readonly repo: Repo
  readonly revision: string
  /** undefined keeps every file. */
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
}

/** Reads the body of `POST /v1/warm`: `{repo, type?, revision?, include?, exclude?}`. Throws `usage`. */
export function parseWarmOrder(text: string, endpoint: string): WarmOrder {
  const value = parseJson(text)
  if (!isObject(value) || typeof value.repo !== 'string') throw bad('it must be an object with a repo')
  const { type, id, revision } = parseRepo(value.repo, {
    endpoint,
    type: typeof value.type === 'string' ? parseRepoType(value.type) : undefined,
  })
  const include = patterns(value.include, 'include')
  const exclude = patterns(value.exclude, 'exclude')
  if ([...include, ...exclude].reduce((sum, { length }) => sum + length, 0) > MAX_PATTERN_CHARACTERS)
    throw bad(`its patterns have more than ${MAX_PATTERN_CHARACTERS} characters`)
  return {
    repo: { type, id },
    revision: checkRevision(typeof value.revision === 'string' ? value.revision : (revision ?? 'main')),
    include: include.length > 0 ? include : undefined,
    exclude,
  }
}

function patterns(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null) return []
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > MAX_PATTERNS) throw bad(`${name} has more than ${MAX_PATTERNS} patterns`)
  return list.map((item) => {
    if (typeof item !== 'string' || item.length > 1_000) throw bad(`${name} must be a list of patterns`)
    return item
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw bad('it is no JSON')
  }
}

function bad(why: string): DfhfError {
  return new DfhfError('usage', `cannot read the order: ${why}`, {
    hint: 'post {"repo":"org/name","revision":"main","include":["*.json"]}',
  })
}
