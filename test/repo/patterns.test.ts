import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createPathFilter, matchesPattern } from '../../src/repo/patterns.ts'
import { fnmatchCases } from './fnmatch-cases.ts'

/** fnmatch without sets, by trying every split: slow and plainly right. */
function slowMatch(pattern: string, path: string): boolean {
  if (pattern === '') return path === ''
  if (pattern[0] === '*') {
    return Array.from({ length: path.length + 1 }, (_, at) => path.slice(at)).some((rest) =>
      slowMatch(pattern.slice(1), rest),
    )
  }
  return (
    path !== '' &&
    (pattern[0] === '?' || pattern[0] === path[0]) &&
    slowMatch(pattern.slice(1), path.slice(1))
  )
}

/** The same for a pattern in parts, with the members of each set spelt out. */
function slowSets(parts: readonly string[], path: string): boolean {
  const members: Record<string, string> = {
    '?': 'ab]-',
    '[ab]': 'ab',
    '[!a]': 'b]-',
    '[a-b]': 'ab',
    '[b-a]': '',
    '[!b-a]': 'ab]-',
    '[]a]': ']a',
    '[!]-]': 'ab',
  }
  const [part, ...rest] = parts
  if (part === undefined) return path === ''
  if (part === '*')
    return Array.from({ length: path.length + 1 }, (_, at) => path.slice(at)).some((tail) =>
      slowSets(rest, tail),
    )
  return path !== '' && (members[part] ?? part).includes(path[0] ?? '') && slowSets(rest, path.slice(1))
}

describe('a pattern', () => {
  test.each([
    ['*.json', 'a/b.json', true],
    ['*.json', '.json', true],
    ['data/*', 'data/a/b', true],
    ['data/', 'data/a/b', true],
    ['data', 'data/a', false],
    ['data', 'data', true],
    ['**/x', 'x', false],
    ['**/x', 'a/x', true],
    ['*.JSON', 'a.json', false],
    ['a.json', 'xa.json', false],
    ['a{b,c}', 'ab', false],
    ['[!a]*', 'b/c', true],
    ['[^a]', '^', true],
    ['x[', 'x[', true],
    ['a\\b', 'a/b', true],
    ['a?b', 'a/b', true],
    ['?', '日', true],
    ['?', '🎈', true],
    ['*', 'two\nlines', true],
  ])('%p matches %p: %p', (pattern, path, isMatch) => {
    expect(matchesPattern(path, pattern)).toBe(isMatch)
  })

  test('matches as Python recorded', () => {
    const wrong = fnmatchCases.filter(([pattern, path, isMatch]) => matchesPattern(path, pattern) !== isMatch)
    expect(wrong).toEqual([])
  })

  test('matches as a matcher that tries everything', () => {
    const text = fc.stringMatching(/^[ab/.]{0,8}$/)
    const pattern = fc.stringMatching(/^[ab/.*?]{0,6}[ab.*?]$/)
    fc.assert(
      fc.property(pattern, text, (glob, path) =>
        expect(matchesPattern(path, glob)).toBe(slowMatch(glob, path)),
      ),
    )
  })
})

describe('a pattern of many stars', () => {
  const stars = `${'*a'.repeat(12)}b`

  test('is answered for against a long name, also in a set', () => {
    expect(matchesPattern('a'.repeat(4_096), stars)).toBe(false)
    expect(matchesPattern(`${'a'.repeat(4_096)}b`, stars)).toBe(true)
    expect(matchesPattern('a'.repeat(4_096), `${'*[a-z]'.repeat(12)}b`)).toBe(false)
    expect(matchesPattern('a'.repeat(4_096), `${'*?'.repeat(400)}b`)).toBe(false)
  })
})

describe('sets and stars', () => {
  test('match as a matcher that tries everything', () => {
    const part = fc.constantFrom(
      '*',
      '?',
      'a',
      'b',
      '-',
      '[ab]',
      '[!a]',
      '[a-b]',
      '[b-a]',
      '[!b-a]',
      '[]a]',
      '[!]-]',
    )
    const text = fc.stringMatching(/^[ab\]-]{0,7}$/)
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), text, (parts, path) =>
        expect(matchesPattern(path, parts.join(''))).toBe(slowSets(parts, path)),
      ),
    )
  })
})

describe('include and exclude', () => {
  const paths = ['README.md', 'a.bin', 'data/a.bin', 'data/b.txt']
  const kept = (options: Parameters<typeof createPathFilter>[0]) => paths.filter(createPathFilter(options))

  test('keep what any include and no exclude matches', () => {
    expect(kept({})).toEqual(paths)
    expect(kept({ include: ['*.bin', 'README*'] })).toEqual(['README.md', 'a.bin', 'data/a.bin'])
    expect(kept({ exclude: ['data/'] })).toEqual(['README.md', 'a.bin'])
    expect(kept({ include: ['*.bin'], exclude: ['data/*'] })).toEqual(['a.bin'])
  })

  test('an empty list of includes keeps nothing', () => {
    expect(kept({ include: [] })).toEqual([])
  })
})
