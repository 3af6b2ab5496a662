import { expect, test } from 'bun:test'
import {
  type ErrorClass,
  type ErrorCode,
  errorCodeOfHub,
  errorRow,
  errorTable,
  exitCodes,
  isErrorCode,
} from '../../src/base/error-table.ts'
import { DfhfError, exitCodeOf, isOfClass } from '../../src/base/errors.ts'

const codes = Object.keys(errorTable).filter(isErrorCode)

/** The codes of classes, in the order of the table. */
function codesOf(...classes: readonly ErrorClass[]): readonly ErrorCode[] {
  return codes.filter((code) => isOfClass(new DfhfError(code, 'x'), ...classes))
}

test('puts each failure into the class by which it is judged', () => {
  expect(codesOf('denied')).toEqual(['repo-not-found', 'unauthorized', 'gated', 'forbidden'])
  expect(codesOf('missing')).toEqual(['revision-not-found', 'file-not-found'])
  expect(codesOf('network', 'hub')).toEqual(['network', 'timeout', 'rate-limited', 'hub-error'])
  expect(codesOf('corrupt', 'malformed')).toEqual(['verification-failed', 'bad-response'])
  expect(codesOf('disk')).toEqual(['disk-full', 'disk'])
  expect(codesOf('internal', 'usage', 'offline', 'peer', 'stopped')).toEqual([
    'unexpected',
    'usage',
    'not-cached',
    'no-source',
    'interrupted',
  ])
  expect(isOfClass(new TypeError('x'), 'internal')).toBe(false)
})

test('ends with an exit code that has words, for each failure', () => {
  for (const code of codes) {
    const exit = exitCodeOf(new DfhfError(code, 'x'))
    expect(exit).toBe(errorRow(code).exit)
    expect(exitCodes[exit]).toBeString()
  }
})

test("knows the Hub's own words in both directions", () => {
  const named = codes.flatMap((code) => {
    const { hubCode } = errorRow(code)
    return hubCode === undefined ? [] : [[hubCode, code] as const]
  })
  expect(Object.fromEntries(named)).toEqual({
    RepoNotFound: 'repo-not-found',
    RevisionNotFound: 'revision-not-found',
    EntryNotFound: 'file-not-found',
    GatedRepo: 'gated',
  })
  for (const [hubCode, code] of named) expect(errorCodeOfHub(hubCode)).toBe(code)
  expect([undefined, '', 'Nothing', 'toString'].map(errorCodeOfHub)).toEqual(Array(4).fill(undefined))
})

test('takes nothing else for the name of a failure', () => {
  expect(['usage', 'disk-full'].every(isErrorCode)).toBe(true)
  expect(['', 'Usage', 'toString', '__proto__', 3, undefined, null].some(isErrorCode)).toBe(false)
})
