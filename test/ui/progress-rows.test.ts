import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Progress } from '../../src/ui/progress.ts'
import { progressRows } from '../../src/ui/progress-rows.ts'
import { bytes, Clock, colored, fileStart, plain, plan } from './sample-events.ts'

function filled(names: readonly string[], clock = new Clock()): Progress {
  const progress = new Progress(clock.now)
  progress.apply(plan(names.length + 2, 2e9, names.length, 1e9))
  for (const [index, name] of names.entries()) progress.apply(fileStart(index, name, 1e8))
  clock.ms += 2000
  for (const index of names.keys()) progress.apply(bytes(index, 4e7, index % 2 ? 'peers' : 'hub', 'node-b'))
  return progress
}

describe('the bars', () => {
  test('show a row a file and one in total, in columns', () => {
    expect(progressRows(filled(['a.bin', 'longer.bin']), { width: 120, files: 8, colors: plain })).toEqual([
      'a.bin       40 % ━━━━━━━━━━━━────────────────── 40.0 MB / 100 MB  20.0 MB/s  ETA 3 s     hub 100 %',
      'longer.bin  40 % ━━━━━━━━━━━━────────────────── 40.0 MB / 100 MB  20.0 MB/s  ETA 3 s     peers 100 %',
      '2/4 files   54 % ━━━━━━━━━━━━━━━━────────────── 1.1 GB / 2.0 GB   40.0 MB/s  ETA 23 s    hub 50 %, peers 50 %',
    ])
  })

  test('say neither a share nor a time left while more files may be listed', () => {
    const progress = filled(['a.bin'])
    progress.apply(plan(3, 2e9, 1, 1e9, false))
    expect(progressRows(progress, { width: 120, files: 8, colors: plain }).at(-1)).toBe(
      '2/3+ files       ━━━━━━━━━━━━━━━─────────────── 1.0 GB / 2.0 GB+  20.0 MB/s              hub 100 %',
    )
  })

  test('are one row for a single file', () => {
    const progress = new Progress(new Clock().now)
    progress.apply(fileStart(1, 'a.bin', 100))
    expect(progressRows(progress, { width: 80, files: 8, colors: plain })).toHaveLength(1)
  })

  test('are bounded: files beyond the limit are counted', () => {
    const rows = progressRows(filled(Array.from({ length: 20 }, (_, index) => `f${index}`)), {
      width: 160,
      files: 8,
      colors: plain,
    })
    expect(rows).toHaveLength(9)
    expect(rows[8]).toStartWith('2/22 files, 12 more open')
  })

  test('cut a long name before and keep its end', () => {
    const [row] = progressRows(filled([`${'deep/'.repeat(20)}model.bin`]), {
      width: 200,
      files: 8,
      colors: plain,
    })
    expect(row).toStartWith('(…)ep/deep/deep/deep/deep/deep/model.bin ')
  })

  test('say why a file stands still', () => {
    const clock = new Clock()
    const progress = new Progress(clock.now)
    progress.apply(fileStart(1, 'a.bin', 100))
    progress.apply({ type: 'wait', id: 1, reason: 'the Hub is busy (429); next try in 8 s' })
    expect(progressRows(progress, { width: 100, files: 8, colors: plain })[0]).toEndWith(
      'waiting: the Hub is busy (429); next try in 8 s',
    )
  })

  test('never reach the edge of the terminal and never hold a control character', () => {
    const names = fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(names, fc.integer({ min: 10, max: 250 }), fc.boolean(), (given, width, isStalled) => {
        const progress = filled(given)
        if (isStalled) progress.apply({ type: 'wait', id: 0, reason: '\x1b[2J模型'.repeat(20) })
        return progressRows(progress, { width, files: 8, colors: colored }).every((row) => {
          const bare = Bun.stripANSI(row)
          return Bun.stringWidth(bare) < width && !/\p{Cc}/u.test(bare)
        })
      }),
    )
  })
})
