import { expect } from 'bun:test'
import type { RunResult } from './binary.ts'

/**
 * What dfhf said of its failure, after checking that it is one line, the last on stderr, that nothing is on stdout
 * and that the exit code is right. Lines of progress may stand before it, and with --quiet none do.
 */
export function failureOf(result: RunResult, code: number): string {
  const lines = result.stderr.split('\n')
  const isError = (line: string) => line.startsWith('dfhf: error: ')
  expect({ ...result, errors: lines.filter(isError).length }).toMatchObject({ code, stdout: '', errors: 1 })
  expect(lines.at(-1)).toBe('')
  const last = lines.at(-2) ?? ''
  expect(isError(last)).toBe(true)
  return last
}
