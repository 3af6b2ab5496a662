import { type Glob, parseGlob } from './glob.ts'

/**
 * Whether one pattern matches a whole path by Python's fnmatch, case-sensitive: `*` is anything, slashes and leading
 * dots too; `?` one character; `[a-z]` and `[!a-z]` sets; a pattern that ends in `/` means all below it.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  return isMatch(parse(pattern), codesOf(path))
}

/** The filter of `--include` and `--exclude`: kept is what any include matches, or all without one, and no exclude. */
export function createPathFilter(options: {
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
}): (path: string) => boolean {
  const include = options.include?.map(parse)
  const exclude = (options.exclude ?? []).map(parse)
  return (path) => {
    const codes = codesOf(path)
    const isIncluded = include === undefined || include.some((glob) => isMatch(glob, codes))
    return isIncluded && !exclude.some((glob) => isMatch(glob, codes))
  }
}

/** The pattern that matches `text` alone, as Python's glob.escape makes it. */
export function literalPattern(text: string): string {
  return text.replace(/[*?[]/g, '[$&]')
}

/** The text that a pattern of literalPattern matches; any other pattern as it is. */
export function literalText(pattern: string): string {
  return pattern.replace(/\[([*?[])\]/g, '$1')
}

/**
 * Takes at most path × pattern steps: when a character does not fit, only the last star is made longer. Which of the
 * stars before it took more would change nothing, so they are never tried again.
 */
function isMatch(glob: Glob, path: readonly number[]): boolean {
  let at = 0
  let step = 0
  let star = -1
  let starEnd = 0
  while (at < path.length) {
    const part = glob[step]
    if (part === 'star') {
      star = step
      starEnd = at
      step += 1
    } else if (part?.(path[at] ?? 0)) {
      at += 1
      step += 1
    } else if (star >= 0) {
      starEnd += 1
      at = starEnd
      step = star + 1
    } else {
      return false
    }
  }
  while (glob[step] === 'star') step += 1
  return step === glob.length
}

function parse(pattern: string): Glob {
  const plain = normalise(pattern)
  return parseGlob(plain.endsWith('/') ? `${plain}*` : plain)
}

function codesOf(path: string): number[] {
  return Array.from(normalise(path), (character) => character.codePointAt(0) ?? 0)
}

function normalise(text: string): string {
  return text.replaceAll('\\', '/')
}
