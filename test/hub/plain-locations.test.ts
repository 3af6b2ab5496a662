import { describe, expect, test } from 'bun:test'
import { isCommit, parseOid } from '../../src/blob/oid.ts'
import { PlainLocations } from '../../src/hub/plain-locations.ts'
import { hubUrls, quote, quotePath } from '../../src/hub/urls.ts'

const repo = { type: 'dataset', id: 'o/r' } as const
const { resolve } = hubUrls('https://hub.test/mirror')

function file(path: string, digit = '1') {
  const commit = 'c'.repeat(40)
  if (!isCommit(commit)) throw new Error(commit)
  return { commit, path, oid: parseOid(digit.repeat(40)), size: 3 }
}

type File = ReturnType<typeof file>
const startOf = ({ commit, path }: File) => new URL(resolve(repo, commit, path))

/** As the Hub writes it. */
function foundOf(at: File, name = quote(at.path)): URL {
  const query = `${quote(startOf(at).pathname)}=&etag=%22${at.oid}%22`
  return new URL(`https://hub.test/api/resolve-cache/datasets/o/r/${at.commit}/${name}?${query}`)
}

function learned(...files: readonly File[]): PlainLocations {
  const locations = new PlainLocations()
  for (const each of files) locations.learn(each, startOf(each), foundOf(each))
  return locations
}

const guessFor = (locations: PlainLocations, each: File) => locations.guess(each, startOf(each))?.href

describe('where a plain file is', () => {
  const [a, b, c] = [file('x/a é.txt', '1'), file('x/b.txt', 'b'), file('y/z/c+d.txt', '3')]

  test('is known from two others of its commit', () => {
    expect(guessFor(learned(a, b), c)).toBe(foundOf(c).href)
  })

  test('is not known from one, or from the same one twice', () => {
    expect(guessFor(learned(), c)).toBeUndefined()
    expect(guessFor(learned(a), c)).toBeUndefined()
    expect(guessFor(learned(a, a), c)).toBeUndefined()
  })

  test('is not known from others that do not agree', () => {
    const locations = learned(a)
    locations.learn(b, startOf(b), new URL(`${foundOf(b).href}&signature=1`))
    expect(guessFor(locations, c)).toBeUndefined()
  })

  test('is not known where it follows from nothing that the address shows', () => {
    const locations = new PlainLocations()
    locations.learn(a, startOf(a), new URL('https://hub.test/blobs/17'))
    locations.learn(b, startOf(b), new URL('https://hub.test/blobs/18'))
    expect(guessFor(locations, c)).toBeUndefined()
  })

  test('is not known for another commit', () => {
    const other = { ...c, commit: 'd'.repeat(40) } as File
    expect(guessFor(learned(a, b), other)).toBeUndefined()
  })

  test('keeps the slashes where the others did', () => {
    const locations = new PlainLocations()
    for (const each of [a, b]) locations.learn(each, startOf(each), foundOf(each, quotePath(each.path)))
    expect(guessFor(locations, c)).toBe(foundOf(c, quotePath(c.path)).href)
  })

  test('is not guessed at the top of a repo, and not by files there', () => {
    const [top, other] = [file('one.txt', '5'), file('two.txt', '6')]
    expect(guessFor(learned(a, b), top)).toBeUndefined()
    expect(guessFor(learned(top, other), c)).toBeUndefined()
  })

  test('is never guessed again once a guess was wrong', () => {
    const locations = learned(a, b)
    locations.disprove()
    locations.learn(a, startOf(a), foundOf(a))
    locations.learn(b, startOf(b), foundOf(b))
    expect(guessFor(locations, c)).toBeUndefined()
  })
})
