import type { FileRef } from '../repo/file-ref.ts'
import { quote, quotePath } from './urls.ts'

/** Where plain files of one commit were found, without what is their own. */
interface Pattern {
  /** The address of a file up to its path, and where that leads. */
  readonly from: string
  readonly to: string
  /** Whether the slashes of the path are quoted there. */
  readonly quotesSlashes: boolean
  /** With `{path}` and `{oid}` for the file's own. */
  readonly search: string
}

/**
 * Learns from the redirects of plain files where the next one of the same commit will be, which saves one of two round
 * trips for each. Files at the top of a repo are no part of this: they are few, and the Hub counts a repo's downloads by
 * the questions for some of them. Two files must have led to one pattern before it is believed, and the first address that proves wrong
 * ends it. What comes from such an address is checked against its oid like all else.
 */
export class PlainLocations {
  #first: { readonly path: string; readonly pattern: Pattern } | undefined
  #pattern: Pattern | undefined
  #isWrong = false

  /** A file's own address led to `found`. */
  learn(file: FileRef, start: URL, found: URL): void {
    if (this.#isWrong || !isInFolder(file)) return
    const pattern = patternOf(file, start, found)
    if (!pattern) return
    const first = this.#first
    const isSecond = first !== undefined && first.path !== file.path && isSame(first.pattern, pattern)
    if (isSecond) this.#pattern = pattern
    else this.#first = { path: file.path, pattern }
  }

  /** Where the file with this address should be; undefined while that cannot be told. */
  guess(file: FileRef, start: URL): URL | undefined {
    const { path, oid } = file
    const pattern = this.#pattern
    if (!pattern || this.#isWrong || !isInFolder(file)) return undefined
    if (start.href !== pattern.from + quotePath(path)) return undefined
    const name = pattern.quotesSlashes ? quote(path) : quotePath(path)
    const search = pattern.search
      .replaceAll('{path}', () => quote(start.pathname))
      .replaceAll('{oid}', () => oid)
    return new URL(pattern.to + name + search)
  }

  /** A guess was wrong: no more of them. */
  disprove(): void {
    this.#isWrong = true
  }
}

function patternOf({ path, oid }: FileRef, start: URL, found: URL): Pattern | undefined {
  const from = withoutEnd(start.href, quotePath(path))
  if (from === undefined || start.href === found.href) return undefined
  const search = found.search.replaceAll(quote(start.pathname), '{path}').replaceAll(oid, '{oid}')
  const place = found.origin + found.pathname
  const quoted = withoutEnd(place, `/${quote(path)}`)
  const to = quoted ?? withoutEnd(place, `/${quotePath(path)}`)
  if (to === undefined) return undefined
  return { from, to: `${to}/`, quotesSlashes: quoted !== undefined, search }
}

function isInFolder({ path }: FileRef): boolean {
  return path.includes('/')
}

function isSame(one: Pattern, other: Pattern): boolean {
  const isSamePlace = one.from === other.from && one.to === other.to
  return isSamePlace && one.quotesSlashes === other.quotesSlashes && one.search === other.search
}

function withoutEnd(text: string, end: string): string | undefined {
  return text.endsWith(end) ? text.slice(0, -end.length) : undefined
}
