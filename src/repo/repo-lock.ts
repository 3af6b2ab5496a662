import { DfhfError } from '../base/errors.ts'
import { isObject, type JsonObject } from '../base/json-object.ts'
import { type Commit, isCommit, isOid, type Oid } from '../blob/oid.ts'
import { checkRevision, isRepoId, type Repo, repoName, repoTypes } from './repo.ts'
import { isSafeRepoPath } from './repo-path.ts'

/** The format that this program writes and reads. */
const VERSION = 1

/** One file as a lock has it. */
interface LockedFile {
  readonly path: string
  readonly size: number
  readonly oid: Oid
}

/** What was asked of a repo, and what it came to. */
export interface LockedRepo {
  readonly repo: Repo
  /** As it was asked for: a branch, a tag or a commit. */
  readonly revision: string
  /** The patterns that were asked for; no `include` means every file. */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly commit: Commit
  readonly files: readonly LockedFile[]
}

/** What tells one entry of a lock from the others: repo, revision and patterns, in whatever order they were written. */
export function lockKey({ repo, revision, include, exclude }: Omit<LockedRepo, 'commit' | 'files'>): string {
  return JSON.stringify([repoName(repo), revision, ordered(include), ordered(exclude)])
}

/** A lock as text. The same repos and files give the same text, in whatever order they come. */
export function formatLock(repos: readonly LockedRepo[]): string {
  const entries = repos
    .map((entry) => ({ key: lockKey(entry), entry }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ entry: { repo, revision, include, exclude, commit, files } }) => ({
      repo: repo.id,
      type: repo.type,
      revision,
      ...(include.length > 0 && { include: ordered(include) }),
      ...(exclude.length > 0 && { exclude: ordered(exclude) }),
      commit,
      files: files
        .map(({ path, size, oid }) => ({ path, size, oid }))
        .sort((a, b) => compare(a.path, b.path)),
    }))
  return `${JSON.stringify({ version: VERSION, repos: entries }, undefined, 2)}\n`
}

/** Reads a lock; `name` stands in what it says of a bad one. Throws `usage`. */
export function parseLock(text: string, name: string): LockedRepo[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw bad(name, 'it is no JSON', cause)
  }
  if (!isObject(value) || !Array.isArray(value.repos)) throw bad(name, 'it has no list of repos')
  if (value.version !== VERSION) throw bad(name, `its version is not ${VERSION}`)
  const all: readonly unknown[] = value.repos
  const repos = all.map((entry, index) => parseEntry(entry, `${name}: repos[${index}]`))
  const keys = new Set(repos.map(lockKey))
  if (keys.size < repos.length) throw bad(name, 'it has the same repo, revision and patterns twice')
  return repos
}

function parseEntry(value: unknown, where: string): LockedRepo {
  if (!isObject(value)) throw bad(where, 'it is no object')
  const { type, repo, revision, commit, files } = value
  const known = repoTypes.find((each) => each === type)
  if (known === undefined) throw bad(where, 'its type is none that the Hub has')
  if (typeof repo !== 'string' || !isRepoId(repo)) throw bad(where, 'its repo is no repo id')
  if (typeof revision !== 'string') throw bad(where, 'it has no revision')
  if (typeof commit !== 'string' || !isCommit(commit)) throw bad(where, 'its commit is no commit')
  if (!Array.isArray(files)) throw bad(where, 'it has no list of files')
  const listed: readonly unknown[] = files
  const parsed = listed.map((file, index) => parseFile(file, `${where}.files[${index}]`))
  const paths = new Set(parsed.map(({ path }) => path))
  if (paths.size < parsed.length) throw bad(where, 'it has a path twice')
  return {
    repo: { type: known, id: repo },
    revision: checked(revision, where),
    include: patternsIn(value, 'include', where),
    exclude: patternsIn(value, 'exclude', where),
    commit,
    files: parsed,
  }
}

function patternsIn(value: JsonObject, key: 'include' | 'exclude', where: string): string[] {
  const found = value[key] ?? []
  if (Array.isArray(found)) {
    const texts: readonly unknown[] = found
    const patterns = texts.filter((each) => typeof each === 'string')
    if (patterns.length === texts.length) return patterns
  }
  throw bad(where, `${key} is no list of patterns`)
}

function parseFile(value: unknown, where: string): LockedFile {
  if (!isObject(value)) throw bad(where, 'it is no object')
  const { path, size, oid } = value
  if (typeof path !== 'string' || !isSafeRepoPath(path)) throw bad(where, 'its path is none in a repo')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw bad(where, 'its size is none')
  if (typeof oid !== 'string' || !isOid(oid)) throw bad(where, 'its oid is none')
  return { path, size, oid }
}

function checked(revision: string, where: string): string {
  try {
    return checkRevision(revision)
  } catch (cause) {
    throw bad(where, 'its revision is none', cause)
  }
}

function bad(where: string, why: string, cause?: unknown): DfhfError {
  return new DfhfError('usage', `${where}: ${why}`, { hint: 'write the lock file anew with --lock', cause })
}

function ordered(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort(compare)
}

/** By code units: the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
