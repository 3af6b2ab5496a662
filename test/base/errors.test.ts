import { expect, test } from 'bun:test'
import { delay } from '../../src/base/delay.ts'
import { DfhfError, exitCodeOf, isAbort, systemCode } from '../../src/base/errors.ts'

test('gives a script one exit code for each kind of failure', () => {
  const codes = [
    'usage',
    'file-not-found',
    'gated',
    'verification-failed',
    'network',
    'disk-full',
    'interrupted',
  ] as const
  expect(codes.map((code) => exitCodeOf(new DfhfError(code, 'x')))).toEqual([2, 3, 4, 5, 6, 7, 130])
  expect(exitCodeOf(new TypeError('x'))).toBe(1)
  expect(exitCodeOf('text')).toBe(1)
})

test('takes an aborted signal for an interruption', async () => {
  const stop = new AbortController()
  const waiting = delay(60_000, { signal: stop.signal })
  stop.abort()
  const error = await waiting.catch((reason: unknown) => reason)
  expect(isAbort(error)).toBe(true)
  expect(exitCodeOf(error)).toBe(130)
  await expect(delay(60_000, { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' })
})

test('knows the code of a system error and nothing else', () => {
  expect(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
  expect([undefined, null, 'x', {}, { code: 7 }].map(systemCode)).toEqual(Array(5).fill(undefined))
})
