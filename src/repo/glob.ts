/** True for the characters, as code points, that a part of a pattern stands for. */
type CharacterTest = (code: number) => boolean

/** The parts of a pattern: a star for any text, or what stands for one character. */
export type Glob = readonly (CharacterTest | 'star')[]

/** Reads a pattern as Python's fnmatch does. */
export function parseGlob(pattern: string): Glob {
  const characters = [...pattern]
  const glob: (CharacterTest | 'star')[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? ''
    const end = character === '[' ? endOfSet(characters, at) : undefined
    if (end !== undefined) {
      glob.push(setOf(characters.slice(at + 1, end)))
      at = end
    } else if (character === '*') {
      if (glob.at(-1) !== 'star') glob.push('star')
    } else {
      const wanted = codeOf(character)
      glob.push(character === '?' ? () => true : (code) => code === wanted)
    }
  }
  return glob
}

/** The index of the `]` that closes the set opened at `start`; one that comes first in the set is literal. */
function endOfSet(characters: readonly string[], start: number): number | undefined {
  let from = start + 1
  if (characters[from] === '!') from += 1
  if (characters[from] === ']') from += 1
  const end = characters.indexOf(']', from)
  return end < 0 ? undefined : end
}

function setOf(content: readonly string[]): CharacterTest {
  const isNegated = content[0] === '!'
  const ranges = mergedRanges((isNegated ? content.slice(1) : content).map(codeOf))
  return (code) => isWithin(ranges, code) !== isNegated
}

type Range = readonly [low: number, high: number]

/** The characters and ranges (`a-z`) of a set, in order and without overlaps; a range that runs backwards is empty. */
function mergedRanges(codes: readonly number[]): readonly Range[] {
  const ranges: Range[] = []
  for (let at = 0; at < codes.length; at += 1) {
    const low = codes[at] ?? 0
    const high = codes[at + 2]
    const isRange = codes[at + 1] === codeOf('-') && high !== undefined
    ranges.push([low, isRange ? high : low])
    if (isRange) at += 2
  }
  const merged: Range[] = []
  for (const [low, high] of ranges.filter((range) => range[0] <= range[1]).sort(([a], [b]) => a - b)) {
    const last = merged.at(-1)
    if (last && low <= last[1]) merged[merged.length - 1] = [last[0], Math.max(last[1], high)]
    else merged.push([low, high])
  }
  return merged
}

/** A search by halves, since a set may be as long as its pattern. */
function isWithin(ranges: readonly Range[], code: number): boolean {
  let from = 0
  let end = ranges.length
  while (from < end) {
    const middle = (from + end) >> 1
    const [low, high] = ranges[middle] ?? [0, 0]
    if (code < low) end = middle
    else if (code > high) from = middle + 1
    else return true
  }
  return false
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}
