import { expect, test } from 'bun:test'
import type { ErrorCode } from '../../src/base/error-table.ts'
import { DfhfError, exitCodeOf } from '../../src/base/errors.ts'
import { worstFailure } from '../../src/commands/worst-failure.ts'

const failure = (code: ErrorCode, repo = 'o/r') => ({ repo, error: new DfhfError(code, `${code} happened`) })

test('nothing failed where there is no failure', () => {
  expect(worstFailure([], 3)).toBeUndefined()
})

test('the failure of the only repo is thrown as it is', () => {
  const only = failure('network')
  expect(worstFailure([only], 1)).toBe(only.error)
})

test.each([
  [['network', 'verification-failed', 'repo-not-found'], 5],
  [['network', 'repo-not-found'], 3],
  [['repo-not-found', 'gated'], 4],
  [['gated', 'disk-full'], 7],
  [['disk-full', 'verification-failed'], 5],
  [['verification-failed', 'unexpected'], 1],
] as const)('of %j the worst gives the exit code', (codes, exit) => {
  expect(
    exitCodeOf(
      worstFailure(
        codes.map((code) => failure(code)),
        9,
      ),
    ),
  ).toBe(exit)
  expect(
    exitCodeOf(
      worstFailure(
        codes.toReversed().map((code) => failure(code)),
        9,
      ),
    ),
  ).toBe(exit)
})

test('the message names every repo once, the worst first, and not thousands', () => {
  const some = [failure('network', 'o/slow'), failure('gated', 'o/gated')]
  expect(worstFailure(some, 5)).toMatchObject({
    message: '2 of 5 repos failed: o/gated: gated happened; o/slow: network happened',
  })
  const many = Array.from({ length: 500 }, (_, index) => failure('network', `o/r${index}`))
  expect(worstFailure(many, 500)).toMatchObject({ message: expect.stringContaining('and 490 more') })
})

test('what is no error of dfhf counts as unexpected', () => {
  const failures = [{ repo: 'o/r', error: new TypeError('oops') }, failure('network')]
  expect(exitCodeOf(worstFailure(failures, 2))).toBe(1)
})
