/**
 * Whether one pattern matches a whole path by Python's fnmatch, case-sensitive: `*` is anything, slashes and leading
 * dots too; `?` one character; `[a-z]` and `[!a-z]` sets; a pattern that ends in `/` means all below it.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  return compile(pattern).test(normalise(path))
}

/** The filter of `--include` and `--exclude`: kept is what any include matches, or all without one, and no exclude. */
export function createPathFilter(options: {
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
}): (path: string) => boolean {
  const include = options.include?.map(compile)
  const exclude = (options.exclude ?? []).map(compile)
  return (path) => {
    const plain = normalise(path)
    const isIncluded = include === undefined || include.some((pattern) => pattern.test(plain))
    return isIncluded && !exclude.some((pattern) => pattern.test(plain))
  }
}

function normalise(text: string): string {
  return text.replaceAll('\\', '/')
}

function compile(pattern: string): RegExp {
  const plain = normalise(pattern)
  return new RegExp(`^${translate(plain.endsWith('/') ? `${plain}*` : plain)}$`, 'su')
}

function translate(pattern: string): string {
  const characters = [...pattern]
  let source = ''
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? ''
    if (character === '*') {
      // One star for a run of them: `.*.*.*` would take exponential time to fail.
      if (characters[at - 1] !== '*') source += '.*'
    } else if (character === '?') {
      source += '.'
    } else if (character === '[') {
      const end = endOfSet(characters, at)
      source += end === undefined ? '\\[' : translateSet(characters.slice(at + 1, end))
      if (end !== undefined) at = end
    } else {
      source += quoteOutside(character)
    }
  }
  return source
}

/** The index of the `]` that closes the set opened at `start`; one that comes first in the set is literal. */
function endOfSet(characters: readonly string[], start: number): number | undefined {
  let from = start + 1
  if (characters[from] === '!') from += 1
  if (characters[from] === ']') from += 1
  const end = characters.indexOf(']', from)
  return end < 0 ? undefined : end
}

function translateSet(content: readonly string[]): string {
  const isNegated = content[0] === '!'
  const members = isNegated ? content.slice(1) : content
  const ranges: string[] = []
  for (let at = 0; at < members.length; at += 1) {
    const low = members[at] ?? ''
    const high = members[at + 2]
    if (members[at + 1] !== '-' || high === undefined) {
      ranges.push(quoteInSet(low))
      continue
    }
    if (codeOf(low) <= codeOf(high)) ranges.push(`${quoteInSet(low)}-${quoteInSet(high)}`)
    at += 2
  }
  if (ranges.length === 0) return isNegated ? '.' : '(?!)'
  return `[${isNegated ? '^' : ''}${ranges.join('')}]`
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function quoteOutside(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character
}

function quoteInSet(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character
}
