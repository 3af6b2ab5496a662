import { describe, expect, test } from 'bun:test'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { Progress } from '../../src/ui/progress.ts'
import { fileDoneLine, statsLine, summaryLine, taskLine } from '../../src/ui/progress-text.ts'
import { bytes, Clock, fileDone, fileStart, plan, taskDone } from './sample-events.ts'

function progressOf(clock: Clock, ...events: readonly TransferEvent[]): Progress {
  const progress = new Progress(clock.now)
  for (const event of events) progress.apply(event)
  return progress
}

describe('a file under way', () => {
  test('counts what was there before, by source what came, and less what was lost', () => {
    const progress = progressOf(
      new Clock(),
      fileStart(1, 'a.bin', 1000, 200),
      bytes(1, 300),
      bytes(1, 100, 'peers', 'node-b'),
      { type: 'bytes-lost', id: 1, count: 50, kind: 'hub' },
    )
    expect(progress.files()[0]).toMatchObject({ done: 550, bytes: { hub: 250, peers: 100, local: 0 } })
    expect(progress.peers()).toEqual([{ name: 'node-b', count: 100 }])
  })

  test('never shows more than its size', () => {
    const progress = progressOf(new Clock(), fileStart(1, 'a.bin', 1000, 900), bytes(1, 500))
    expect(progress.files()[0]?.done).toBe(1000)
  })

  test('says why it waits', () => {
    const progress = progressOf(new Clock(), fileStart(1, 'a', 10), {
      type: 'wait',
      id: 1,
      reason: 'the Hub asks for patience',
    })
    expect(progress.files()[0]?.stall).toBe('the Hub asks for patience')
    progress.apply({ type: 'wait', id: 1, reason: undefined })
    expect(progress.files()[0]?.stall).toBeUndefined()
  })

  test('says after some silence what failed last, or else how long nothing came', () => {
    const clock = new Clock()
    const progress = progressOf(clock, fileStart(1, 'a', 10), fileStart(2, 'b', 10))
    progress.apply({ type: 'retry', id: 2, source: 'hub', reason: 'connection reset', delayMs: 500 })
    expect(progress.files().map((file) => file.stall)).toEqual([undefined, undefined])
    clock.ms = 12_000
    expect(progress.files().map((file) => file.stall)).toEqual(['no data for 12 s', 'hub: connection reset'])
    progress.apply(bytes(2, 1))
    expect(progress.files()[1]?.stall).toBeUndefined()
  })
})

describe('all files together', () => {
  test('start from what is here already', () => {
    const progress = progressOf(new Clock(), plan(10, 1000, 4, 400))
    expect(progress.total()).toMatchObject({ files: 10, size: 1000, doneFiles: 6, done: 600, isMany: true })
  })

  test('do not count a file twice that was here', () => {
    const progress = progressOf(new Clock(), plan(2, 300, 1, 100), fileDone(1, 200, {}))
    expect(progress.total()).toMatchObject({ doneFiles: 1, done: 200 })
    progress.apply(fileStart(2, 'b', 100))
    progress.apply(bytes(2, 60))
    expect(progress.total()).toMatchObject({ doneFiles: 1, done: 260 })
    progress.apply(fileDone(2, 100))
    expect(progress.total()).toMatchObject({ doneFiles: 2, done: 300 })
    expect(progress.isComplete).toBe(true)
  })

  test('are not complete while more of them may be listed', () => {
    const progress = progressOf(new Clock(), plan(1, 100, 1, 100, false), fileDone(1, 100))
    expect(progress.total()).toMatchObject({ files: 1, doneFiles: 1, isWhole: false })
    expect([progress.isComplete, statsLine(progress)]).toEqual([false, '1/1+ files: 100 B / 100 B+, 0 B/s'])
    progress.apply(plan(2, 300, 2, 300))
    expect(progress.total()).toMatchObject({ files: 2, size: 300, doneFiles: 1, isWhole: true })
    progress.apply(fileDone(2, 200))
    expect(progress.isComplete).toBe(true)
  })

  test('count a file that was copied on this machine', () => {
    const progress = progressOf(new Clock(), plan(2, 300, 2, 300), fileDone(1, 200, { local: 200 }))
    expect(progress.total()).toMatchObject({ doneFiles: 1, done: 200, bytes: { local: 200 } })
  })

  test('forget a file that failed', () => {
    const progress = progressOf(new Clock(), plan(2, 300, 2, 300), fileStart(1, 'a', 200), bytes(1, 50))
    progress.apply({ type: 'file-failed', id: 1, reason: 'x' })
    expect(progress.files()).toEqual([])
    expect(progress.isComplete).toBe(false)
  })

  test('know why a file waits that has not begun', () => {
    const progress = progressOf(new Clock(), { type: 'wait', id: 7, reason: 'waiting for process 12' })
    expect(progress.held()).toEqual(['waiting for process 12'])
    progress.apply({ type: 'wait', id: 7, reason: undefined })
    expect(progress.held()).toEqual([])
  })
})

describe('the line of progress', () => {
  test('says of one file how far it is, how fast, how long, over how many connections and from whom', () => {
    const clock = new Clock()
    const progress = progressOf(clock, fileStart(1, 'model.bin', 1_000_000), {
      type: 'connections',
      id: 1,
      hub: 5,
      peers: 3,
    })
    clock.ms = 2000
    progress.apply(bytes(1, 300_000))
    progress.apply(bytes(1, 100_000, 'peers', 'node-b'))
    expect(statsLine(progress)).toBe(
      'model.bin: 400 kB / 1.0 MB, 40 %, 200 kB/s, ETA 3 s, 8 connections (3 to peers), hub 75 %, peers 25 %',
    )
  })

  test('gives the reason when nothing moves', () => {
    const clock = new Clock()
    const progress = progressOf(clock, plan(2, 300, 2, 300), fileStart(1, 'a', 200))
    clock.ms = 9000
    expect(statsLine(progress)).toBe('0/2 files: 0 B / 300 B, 0 %, 0 B/s, waiting: no data for 9 s')
  })

  test('is never empty, not even before anything is known', () => {
    const progress = progressOf(new Clock())
    expect(statsLine(progress)).toBe('asking the Hub')
    progress.apply({ type: 'wait', id: 1, reason: 'waiting for process 12, which downloads the same file' })
    expect(statsLine(progress)).toBe('waiting for process 12, which downloads the same file')
  })

  test('shows hostile names harmlessly', () => {
    expect(statsLine(progressOf(new Clock(), fileStart(1, '\x1b]0;x\x07', 10)))).not.toMatch(/\p{Cc}/u)
  })
})

describe('the last word', () => {
  test('says of a file where its bytes came from, peers by name', () => {
    const done = fileDone(1, 3_000_000, { hub: 1_000_000, peers: 2_000_000 })
    const progress = progressOf(
      new Clock(),
      fileStart(1, 'a', 3_000_000),
      bytes(1, 1_000_000),
      bytes(1, 2_000_000, 'peers', 'node-b'),
      done,
    )
    if (done.type !== 'file-done') throw new Error('no result')
    expect(fileDoneLine(done, 'a', progress)).toBe(
      'a: 3.0 MB in 2.0 s (1.5 MB/s), hub 1.0 MB, peers 2.0 MB (node-b 2.0 MB)',
    )
  })

  test('says of a file that was here that it was', () => {
    const done = fileDone(1, 3_000_000, {})
    if (done.type !== 'file-done') throw new Error('no result')
    expect(fileDoneLine(done, 'a', new Progress(new Clock().now))).toBe('a: 3.0 MB, already here')
  })

  test('sums a snapshot up, complete or not', () => {
    const clock = new Clock()
    const progress = progressOf(
      clock,
      plan(2, 300, 1, 200),
      fileDone(1, 100, {}),
      fileStart(2, 'b', 200),
      bytes(2, 200),
    )
    expect(summaryLine(progress, 2000)).toBe('1 of 2 files, 200 B in 2.0 s (100 B/s), hub 200 B')
    progress.apply(fileDone(2, 200))
    expect(summaryLine(progress, 2000)).toBe('2 files, 200 B in 2.0 s (100 B/s), 100 B were here, hub 200 B')
    const idle = progressOf(clock, plan(1, 300, 0, 0), fileDone(1, 300, {}))
    expect(summaryLine(idle, 10)).toBe('1 file, 300 B, all here already')
  })

  test('is one line for logs when a blob is done', () => {
    if (taskDone.type !== 'task-done') throw new Error('no task')
    expect(taskLine(taskDone)).toBe(
      `task done cost=4.213s task=${'ab'.repeat(32)} hub=3 peers=2 local=1 pieces=6 retries=4`,
    )
  })
})
