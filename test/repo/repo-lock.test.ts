import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { isCommit, isOid } from '../../src/blob/oid.ts'
import { isRepoId, repoTypes } from '../../src/repo/repo.ts'
import { formatLock, type LockedRepo, lockKey, parseLock } from '../../src/repo/repo-lock.ts'
import { isSafeRepoPath } from '../../src/repo/repo-path.ts'

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))
const patterns = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }), { maxLength: 3 })
const aFile = fc.record({
  path: fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter(isSafeRepoPath),
  size: fc.maxSafeNat(),
  oid: fc.oneof(hex(40), hex(64)).filter(isOid),
})
const aRepo: fc.Arbitrary<LockedRepo> = fc.record({
  repo: fc.record({
    type: fc.constantFrom(...repoTypes),
    id: fc.stringMatching(/^[a-z]{1,8}(\/[A-Za-z0-9_.-]{1,8})?$/).filter(isRepoId),
  }),
  revision: fc.constantFrom('main', 'v1.0', 'refs/pr/1', 'a'.repeat(40)),
  include: patterns,
  exclude: patterns,
  commit: hex(40).filter(isCommit),
  files: fc.uniqueArray(aFile, { maxLength: 6, selector: ({ path }) => path }),
})
const aLock = fc.uniqueArray(aRepo, { maxLength: 5, selector: lockKey })

/** The same lock in one order, so that two can be compared. */
const sorted = (lock: readonly LockedRepo[]) =>
  lock
    .map((entry) => ({
      ...entry,
      include: entry.include.toSorted(),
      exclude: entry.exclude.toSorted(),
      files: entry.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    }))
    .toSorted((a, b) => (lockKey(a) < lockKey(b) ? -1 : 1))

describe('a lock', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(aLock, (lock) => {
        expect(sorted(parseLock(formatLock(lock), 'l'))).toEqual(sorted(lock))
      }),
    )
  })

  test('is the same text in whatever order it was made', () => {
    fc.assert(
      fc.property(aLock, (lock) => {
        const other = lock.toReversed().map((entry) => ({
          ...entry,
          include: entry.include.toReversed(),
          exclude: entry.exclude.toReversed(),
          files: entry.files.toReversed(),
        }))
        expect(formatLock(other)).toBe(formatLock(lock))
      }),
    )
  })

  test('is never read from other text without a word of where it is wrong', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseLock(text, 'the-lock')
        } catch (error) {
          expect(error).toBeInstanceOf(DfhfError)
          expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('the-lock') })
        }
      }),
    )
  })

  const entry = { repo: 'o/r', type: 'model', revision: 'main', commit: 'a'.repeat(40), files: [] }
  const file = { path: 'f', size: 1, oid: 'b'.repeat(64) }
  const lockOf = (...repos: readonly object[]) => JSON.stringify({ version: 1, repos })

  test('may lack patterns', () => {
    expect(parseLock(lockOf(entry), 'l')).toMatchObject([
      { repo: { type: 'model', id: 'o/r' }, include: [], exclude: [] },
    ])
  })

  test.each([
    ['{', 'l: it is no JSON'],
    ['[]', 'l: it has no list of repos'],
    ['{"version": 2, "repos": []}', 'l: its version is not 1'],
    [lockOf(entry, { ...entry, commit: 'x' }), 'l: repos[1]: its commit'],
    [lockOf(entry, entry), 'twice'],
    [lockOf({ ...entry, type: 'x' }), 'its type'],
    [lockOf({ ...entry, repo: '../x' }), 'its repo'],
    [lockOf({ ...entry, revision: '../x' }), 'its revision'],
    [lockOf({ ...entry, include: 'x' }), 'include is no list'],
    [lockOf({ ...entry, files: [{ ...file, path: '../f' }] }), 'l: repos[0].files[0]: its path'],
    [lockOf({ ...entry, files: [{ ...file, size: -1 }] }), 'its size'],
    [lockOf({ ...entry, files: [{ ...file, oid: 'x' }] }), 'its oid'],
    [lockOf({ ...entry, files: [file, file] }), 'a path twice'],
  ])('is refused where it is none: %s', (text, message) => {
    expect(() => parseLock(text, 'l')).toThrow(message)
  })
})
