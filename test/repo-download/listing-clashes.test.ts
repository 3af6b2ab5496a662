import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ListingClashes } from '../../src/repo-download/listing-clashes.ts'

const file = (path: string, oid = 'a') => ({ path, oid })

/** What becomes of a listing that comes in these pages: the paths that are stored, and those that are refused. */
function sorted(...pages: (readonly { readonly path: string; readonly oid: string }[])[]) {
  const listing = new ListingClashes()
  const stored: string[] = []
  const refused: string[] = []
  for (const page of pages) {
    const { files, clashes } = listing.add(page)
    for (const { path } of files) (clashes.has(path) ? refused : stored).push(path)
  }
  return { stored: stored.sort(), refused: refused.sort() }
}

test('a file that is a folder of others clashes, however the names in between sort', () => {
  const files = ['a', 'a.txt', 'a-b/c', 'a/b', 'a/b/c', 'ab', 'z'].map((path) => file(path))
  expect(sorted(files).refused).toEqual(['a', 'a/b'])
})

test('a path with two contents clashes; one that is only repeated does not', () => {
  const files = [file('x', 'a'), file('y', 'a'), file('x', 'b'), file('y', 'a')]
  expect(sorted(files)).toEqual({ stored: ['y'], refused: ['x'] })
})

test('names that objects have of their own are names', () => {
  expect(sorted([file('__proto__'), file('constructor/x')]).refused).toEqual([])
})

describe('a listing of several pages', () => {
  test.each([
    ['a file below one of an earlier page', [['a'], ['a/b', 'c']], ['a/b']],
    ['a file deep below one of an earlier page', [['a'], ['a/x/y'], ['a/x/z']], ['a/x/y', 'a/x/z']],
    ['a file that is a folder of an earlier page', [['a/b/c'], ['a/b', 'a', 'd']], ['a', 'a/b']],
    ['no file below one that was refused itself', [['a', 'a/b'], ['a/c']], ['a']],
    [
      'no file twice that comes twice',
      [
        ['a/b', 'c'],
        ['c', 'a/b'],
      ],
      [],
    ],
  ])('refuses %s', (_, pages, refused) => {
    expect(sorted(...pages.map((paths) => paths.map((path) => file(path)))).refused).toEqual(refused)
  })

  test('refuses the later content of a path, since the earlier one may be here', () => {
    expect(sorted([file('x', 'a')], [file('x', 'b')])).toEqual({ stored: ['x'], refused: ['x'] })
  })

  test('never has a file stored that is the folder of another, and refuses nothing of a proper tree', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
    const pages = fc.array(fc.array(path.map((parts) => parts.join('/'))))
    fc.assert(
      fc.property(pages, (listed) => {
        const all = new Set(listed.flat())
        const isProper = ![...all].some((each) => [...all].some((other) => other.startsWith(`${each}/`)))
        const { stored, refused } = sorted(...listed.map((paths) => paths.map((each) => file(each))))
        for (const each of stored) expect(stored.some((other) => other.startsWith(`${each}/`))).toBe(false)
        if (isProper) expect(refused).toEqual([])
        expect([...new Set([...stored, ...refused])].sort()).toEqual([...all].sort())
      }),
      { numRuns: 2_000 },
    )
  })
})
