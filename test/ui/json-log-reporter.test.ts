import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { createJsonLogReporter, jsonErrorLine } from '../../src/ui/json-log-reporter.ts'
import type { LogLevel } from '../../src/ui/log-level.ts'
import { MemoryOutput } from './memory-output.ts'

const clock = () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5))
const time = '2026-01-02T03:04:05.000Z'

function start(level: LogLevel = 'info') {
  const stderr = new MemoryOutput()
  const reporter = createJsonLogReporter({ stderr, level, secrets: ['s3cret-value'], clock })
  const lines = (): unknown[] =>
    stderr.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { reporter, lines }
}

describe('a log of JSON lines', () => {
  test('has time, level and message in each', () => {
    const { reporter, lines } = start()
    reporter.log.info('ready')
    reporter.log.warn('the Hub fails')
    expect(lines()).toEqual([
      { time, level: 'info', message: 'ready' },
      { time, level: 'warn', message: 'the Hub fails' },
    ])
  })

  test('shows what is as grave as its level, or graver', () => {
    const shown = (level: LogLevel) => {
      const { reporter, lines } = start(level)
      for (const say of ['debug', 'info', 'warn'] as const) reporter.log[say](say)
      return lines().length
    }
    expect((['debug', 'info', 'warn', 'error'] as const).map(shown)).toEqual([3, 2, 1, 0])
  })

  test('has a line for each task, with its file and what it cost', () => {
    const { reporter, lines } = start()
    const oid = parseOid('ab'.repeat(32))
    const bytes = { hub: 7, peers: 5, local: 0 }
    reporter.events({ type: 'file-start', id: 1, name: 'w', size: 12, present: 0 })
    reporter.events({ type: 'task-done', id: 1, oid, ms: 12.4, bytes, pieces: 1, retries: 2 })
    expect(lines()).toEqual([
      {
        time,
        level: 'info',
        message: 'task done',
        file: 'w',
        task: oid,
        ms: 12,
        bytes,
        pieces: 1,
        retries: 2,
      },
    ])
  })

  test('tells a notice once', () => {
    const { reporter, lines } = start()
    for (const text of ['a', 'a', 'b']) reporter.events({ type: 'notice', text })
    expect(lines()).toHaveLength(2)
  })

  test('holds no token, no signed query and no secret, and stays one object a line', () => {
    const { reporter, lines } = start('debug')
    const reason = 'https://cdn.example/x?Signature=abc&Key-Pair-Id=k "quoted"\nhf_abcdefgh s3cret-value me@x'
    reporter.log.warn(reason)
    reporter.events({ type: 'retry', id: 1, source: 'http://u:pw@host', reason, delayMs: 5 })
    const text = JSON.stringify(lines())
    expect(lines()).toHaveLength(2)
    for (const secret of ['abc&', 'hf_abc', 's3cret', 'pw']) expect(text).not.toContain(secret)
  })

  test('ends with the error that ends the daemon', () => {
    const error = new DfhfError('usage', 'cannot listen', { hint: 'choose another port' })
    expect(JSON.parse(jsonErrorLine(error, { secrets: [], clock }))).toEqual({
      time,
      level: 'error',
      message: 'cannot listen',
      code: 'usage',
      hint: 'choose another port',
    })
  })
})
