import { DfhfError } from '../base/errors.ts'
import { isObject, type JsonObject } from '../base/json-object.ts'
import { literalPattern } from '../repo/patterns.ts'
import { parseRepoType, type RepoType, repoName } from '../repo/repo.ts'
import { resolveSubject, type Subject } from './resolve-subject.ts'
import type { Selection } from './select-files.ts'

/** A list of more repos is a mistake. */
const MOST_REPOS = 10_000

/** Some of the files of a repo. */
export interface ListedSubject extends Subject {
  readonly selection: Extract<Selection, { kind: 'files' }>
}

/** One entry as it was written. */
interface Entry {
  readonly repo: string
  readonly type?: RepoType | undefined
  readonly revision?: string | undefined
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

/**
 * Reads a list of repos. In lines: `repo[@revision] [pattern...] [!pattern...]`, where `#` begins a comment and
 * `!pattern` leaves files out; a space in a pattern is written `?`. Or a JSON array of texts like these or of objects
 * `{repo, type?, revision?, include?, exclude?}`. `name` stands in what it says of a bad one. Throws `usage`.
 */
export function parseRepoList(
  text: string,
  { name, endpoint }: { readonly name: string; readonly endpoint: string },
): ListedSubject[] {
  const plain = text.replace(/^\ufeff/, '')
  const entries = /^\s*[[{]/.test(plain) ? parseJson(plain, name) : parseLines(plain, name)
  const subjects = new Map<string, ListedSubject>()
  for (const { where, read } of entries) {
    const subject = placed(where, () => toSubject(read(), endpoint))
    subjects.set(JSON.stringify([repoName(subject.repo), subject.revision, subject.selection]), subject)
    if (subjects.size > MOST_REPOS)
      throw new DfhfError('usage', `${where}: it is more than ${MOST_REPOS} repos`)
  }
  if (subjects.size === 0) {
    throw new DfhfError('usage', `${name} names no repo`, { hint: 'write org/name on a line of its own' })
  }
  return [...subjects.values()]
}

/** What one file of a repo is as a pattern, so that all is one kind of selection. */
export function withPatterns({ repo, revision, selection }: Subject): ListedSubject {
  if (selection.kind === 'files') return { repo, revision, selection }
  const pattern = literalPattern(selection.path)
  return {
    repo,
    revision,
    selection: { kind: 'files', include: [pattern], exclude: [], mustMatch: [pattern] },
  }
}

interface Placed {
  /** `models.txt:3`, for messages. */
  readonly where: string
  readonly read: () => Entry
}

function parseLines(text: string, name: string): Placed[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, index): Placed[] => {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .split(/\s+/)
      .filter((word) => word !== '')
    return words.length === 0 ? [] : [{ where: `${name}:${index + 1}`, read: () => parseWords(words) }]
  })
}

function parseWords(words: readonly string[]): Entry {
  const [repo = '', ...patterns] = words
  for (const word of words) {
    if (word.startsWith('-')) {
      throw new DfhfError('usage', `'${word}' is an option`, {
        hint: 'write a pattern, or !pattern to leave out',
      })
    }
    if (/^!?['"]|['"]$/.test(word)) {
      throw new DfhfError('usage', `${word} has a quote`, {
        hint: 'write patterns as they are, and ? for a space',
      })
    }
  }
  const isOut = (pattern: string) => pattern.startsWith('!')
  return {
    repo,
    include: patterns.filter((pattern) => !isOut(pattern)),
    exclude: patterns.filter(isOut).map((pattern) => pattern.slice(1)),
  }
}

function parseJson(text: string, name: string): Placed[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^JSON Parse error: /, '') : String(cause)
    throw new DfhfError('usage', `${name} is no JSON: ${why}`, { cause })
  }
  if (!Array.isArray(value)) {
    throw new DfhfError('usage', `${name} is no JSON array`, { hint: 'write [{"repo": "org/name"}, ...]' })
  }
  const entries: readonly unknown[] = value
  return entries.map((entry, index) => ({
    where: `${name}: entry ${index + 1}`,
    read: () => parseEntry(entry),
  }))
}

const keys = ['repo', 'type', 'revision', 'include', 'exclude']

function parseEntry(value: unknown): Entry {
  if (typeof value === 'string') return parseWords(value.split(/\s+/).filter((word) => word !== ''))
  if (!isObject(value)) throw new DfhfError('usage', 'it is neither a text nor an object')
  const foreign = Object.keys(value).find((key) => !keys.includes(key))
  if (foreign !== undefined) {
    throw new DfhfError('usage', `unknown key '${foreign}'`, { hint: `use ${keys.join(', ')}` })
  }
  const { repo, type, revision } = value
  if (typeof repo !== 'string') throw new DfhfError('usage', 'its repo is no text')
  if (type !== undefined && typeof type !== 'string') throw new DfhfError('usage', 'its type is no text')
  if (revision !== undefined && typeof revision !== 'string')
    throw new DfhfError('usage', 'its revision is no text')
  return {
    repo,
    type: type === undefined ? undefined : parseRepoType(type),
    revision,
    include: patternsIn(value, 'include'),
    exclude: patternsIn(value, 'exclude'),
  }
}

/** One pattern, or a list of them. */
function patternsIn(value: JsonObject, key: 'include' | 'exclude'): string[] {
  const found = value[key] ?? []
  const all: readonly unknown[] = Array.isArray(found) ? found : [found]
  const texts = all.filter((each) => typeof each === 'string')
  if (texts.length === all.length) return texts
  throw new DfhfError('usage', `${key} is neither a pattern nor a list of patterns`)
}

function toSubject({ repo, type, revision, include, exclude }: Entry, endpoint: string): ListedSubject {
  if ([...include, ...exclude].includes('')) throw new DfhfError('usage', 'a pattern is empty')
  return withPatterns(resolveSubject([repo], { endpoint, type, revision, include, exclude }))
}

/** Runs `read`, and says in its error where that was written. */
function placed<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof DfhfError)) throw cause
    throw new DfhfError('usage', `${where}: ${cause.message}`, {
      cause,
      ...(cause.hint !== undefined && { hint: cause.hint }),
    })
  }
}
