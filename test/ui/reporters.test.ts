import { describe, expect, test } from 'bun:test'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { createJsonReporter } from '../../src/ui/json-reporter.ts'
import { createLinesReporter, type LinesOptions } from '../../src/ui/lines-reporter.ts'
import { TerminalReporter } from '../../src/ui/terminal-reporter.ts'
import { MemoryOutput } from './memory-output.ts'
import { bytes, Clock, fileDone, fileStart, plain, plan, taskDone } from './sample-events.ts'

function lines(stderr: MemoryOutput, options: Partial<LinesOptions> = {}) {
  const fixed = { stderr, now: new Clock().now, colors: plain, isVerbose: false, isDaemon: false }
  return createLinesReporter({ ...fixed, intervalMs: undefined, ...options })
}

describe('plain lines', () => {
  test('come at intervals although nothing happens', async () => {
    const stderr = new MemoryOutput()
    const reporter = lines(stderr, { intervalMs: 1 })
    reporter.start()
    reporter.events(fileStart(1, 'model.bin', 100))
    await stderr.until(/(model\.bin: 0 B \/ 100 B, 0 %.*\n){3}/)
    reporter.stop()
    const count = stderr.writes.length
    reporter.events(taskDone)
    reporter.stop()
    expect(stderr.writes).toHaveLength(count)
  })

  test('tell the end of a single file, and of its blob to a user who wants details', () => {
    const told = [false, true].map((isVerbose) => {
      const stderr = new MemoryOutput()
      const reporter = lines(stderr, { isVerbose })
      reporter.events(fileStart(1, 'model.bin', 2000))
      reporter.events(bytes(1, 2000))
      reporter.events(taskDone)
      reporter.events(fileDone(1, 2000))
      reporter.stop()
      return stderr.writes
    })
    const end = 'model.bin: 2.0 kB in 2.0 s (1.0 kB/s), hub 2.0 kB\n'
    expect(told).toEqual([[end], [expect.stringContaining('task done cost=4.213s'), end]])
  })

  test('sum a snapshot up when it ends', () => {
    const stderr = new MemoryOutput()
    const reporter = lines(stderr)
    reporter.events(plan(1, 100, 1, 100))
    reporter.events(fileStart(1, 'a', 100))
    reporter.events(bytes(1, 100))
    reporter.events(fileDone(1, 100))
    reporter.stop()
    expect(stderr.text).toStartWith('fetching 1 of 1 file, 100 B\n')
    expect(stderr.text).toEndWith('1 file, 100 B in 0 ms, hub 100 B\n')
  })

  test('show a notice once, and never what a terminal would obey', () => {
    const stderr = new MemoryOutput()
    const reporter = lines(stderr)
    reporter.events({ type: 'notice', text: 'old\x1b[2J client' })
    reporter.events({ type: 'notice', text: 'old\x1b[2J client' })
    expect(stderr.text).toBe('warning: old\\x1b[2J client\n')
  })

  test('keep tokens out of messages', () => {
    const stderr = new MemoryOutput()
    lines(stderr).log.warn('refused hf_AbCdEfGhIjKl')
    expect(stderr.text).toBe('warning: refused [secret]\n')
  })

  test('of a daemon tell what it logs and each blob, but no progress', () => {
    const stderr = new MemoryOutput()
    const reporter = lines(stderr, { isDaemon: true })
    reporter.start()
    reporter.log.info('peer node-b came')
    reporter.log.debug('detail')
    reporter.events(fileStart(1, 'a', 100))
    reporter.events(taskDone)
    reporter.events(fileDone(1, 100))
    reporter.stop()
    expect(stderr.writes).toEqual(['peer node-b came\n', expect.stringMatching(/^task done /)])
  })

  test('hold details back unless asked for', () => {
    const [quiet, chatty] = [new MemoryOutput(), new MemoryOutput()]
    const retry = { type: 'retry', id: 1, source: 'hub', reason: 'reset', delayMs: 500 } as const
    lines(quiet).events(retry)
    lines(chatty, { isVerbose: true }).events(retry)
    expect([quiet.text, chatty.text]).toEqual(['', 'hub: reset; again in 500 ms\n'])
  })
})

describe('JSON lines', () => {
  test('report progress at intervals and what ends', async () => {
    const stderr = new MemoryOutput()
    const reporter = createJsonReporter({ stderr, now: new Clock().now, isVerbose: false, intervalMs: 1 })
    reporter.start()
    reporter.events(fileStart(1, 'a', 100))
    reporter.events(bytes(1, 25))
    reporter.events(taskDone)
    reporter.log.warn('careful')
    await stderr.until(/"progress"/)
    reporter.stop()
    const objects: unknown[] = stderr.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(objects[0]).toMatchObject({ event: 'task-done', pieces: 6 })
    expect(objects[1]).toEqual({ event: 'log', level: 'warn', message: 'careful' })
    expect(objects.at(-1)).toMatchObject({ event: 'progress', files: 1, size: 100, done: 25 })
  })

  test('pass on plans, notices and what ends, and no other event', () => {
    const stderr = new MemoryOutput()
    const reporter = createJsonReporter({ stderr, now: new Clock().now, isVerbose: false, intervalMs: 1000 })
    const told: readonly TransferEvent[] = [
      plan(2, 300, 1, 100),
      taskDone,
      { type: 'file-failed', id: 1, reason: 'gone' },
      { type: 'notice', text: 'careful' },
    ]
    const others: readonly TransferEvent[] = [
      fileStart(1, 'a', 100),
      bytes(1, 25),
      { type: 'wait', id: 1, reason: 'no peers' },
      { type: 'retry', id: 1, source: 'hub', reason: 'reset', delayMs: 500 },
      fileDone(1, 100),
    ]
    for (const event of [...others, ...told]) reporter.events(event)
    const lines: unknown[] = stderr.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual(told.map(({ type, ...fields }) => ({ event: type, ...fields })))
  })

  test('keep tokens out of messages', () => {
    const stderr = new MemoryOutput()
    const reporter = createJsonReporter({ stderr, now: new Clock().now, isVerbose: true, intervalMs: 1 })
    for (const level of ['debug', 'info', 'warn'] as const) {
      reporter.log[level]('refused hf_AbCdEfGhIjKl at https://cdn/x?Signature=secret')
    }
    expect(stderr.text.match(/\[secret\]/g)).toHaveLength(6)
    expect(stderr.text).not.toMatch(/hf_AbCd|Signature/)
  })
})

describe('the terminal', () => {
  function terminal(stderr: MemoryOutput, isVerbose = false) {
    return new TerminalReporter({ stderr, now: new Clock().now, colors: plain, isVerbose, isDaemon: false })
  }

  test('stays untouched when there is nothing to show', () => {
    const stderr = new MemoryOutput({ isTTY: true })
    const reporter = terminal(stderr)
    reporter.start()
    reporter.stop()
    expect(stderr.text).toBe('')
  })

  test('gets its cursor back, however the run ends', async () => {
    const stderr = new MemoryOutput({ isTTY: true })
    const reporter = terminal(stderr)
    reporter.events(fileStart(1, 'model.bin', 100))
    await stderr.until(/model\.bin/)
    reporter.stop()
    reporter.stop()
    expect(stderr.text.match(/\[\?25[lh]/g)).toEqual(['[?25l', '[?25h'])
    expect(stderr.text).toEndWith('\x1b[0J')
  })

  test('is written once a redraw, so that nothing flickers', async () => {
    const stderr = new MemoryOutput({ isTTY: true })
    const reporter = terminal(stderr)
    reporter.events(plan(2, 200, 2, 200))
    reporter.events(fileStart(1, 'one.bin', 100))
    reporter.events(fileStart(2, 'two.bin', 100))
    await stderr.until(/one\.bin.*\n.*two\.bin.*\n.*0\/2 files/)
    reporter.stop()
    const redraws = stderr.writes.filter((text) => text.includes('two.bin'))
    expect(redraws.length).toBeGreaterThan(0)
    for (const text of redraws) expect(text).toContain('one.bin')
  })

  test('shows messages above the bars, whole', async () => {
    const stderr = new MemoryOutput({ isTTY: true, columns: 40 })
    const reporter = terminal(stderr)
    const message = 'a message that is longer than the terminal is wide'
    reporter.events(fileStart(1, 'model.bin', 100))
    reporter.log.warn(message)
    await stderr.until(new RegExp(`warning: ${message}`))
    reporter.stop()
    expect(stderr.text).toContain(`warning: ${message}\x1b[K\n`)
  })

  test('keeps what was said of a file that is done', async () => {
    const stderr = new MemoryOutput({ isTTY: true })
    const reporter = terminal(stderr)
    reporter.events(fileStart(1, 'model.bin', 100))
    reporter.events(bytes(1, 100))
    reporter.events(fileDone(1, 100))
    reporter.stop()
    expect(stderr.text).toContain('model.bin: 100 B in 2.0 s (50 B/s), hub 100 B')
  })
})
