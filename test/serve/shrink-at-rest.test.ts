import { expect, test } from 'bun:test'
import { ShrinkAtRest } from '../../src/serve/shrink-at-rest.ts'

/** Looks once for each pair of CPU milliseconds used since the last look and megabytes held; gives at which looks it shrank. */
function looks(...pairs: readonly (readonly [cpuMs: number, megabytes: number])[]): number[] {
  let cpuTime = 0
  let size = 70e6
  let number = 0
  const shrunkAt: number[] = []
  using keeper = new ShrinkAtRest({
    cpuTime: () => cpuTime,
    residentSize: () => size,
    shrink: () => shrunkAt.push(number),
    collect: () => expect.unreachable(),
  })
  for (const [cpuMs, megabytes] of pairs) {
    cpuTime += cpuMs * 1_000
    size = megabytes * 1e6
    keeper.look()
    number += 1
  }
  return shrunkAt
}

test('a process that grew shrinks when it rests, not while it works', () => {
  expect(looks([9_000, 150], [300, 130], [50, 112], [20, 87])).toEqual([2])
})

test('a process that did not grow stays as it is', () => {
  expect(looks([10, 71], [10, 75], [10, 80])).toEqual([])
})

test('what is left after it shrank is the measure for the next time', () => {
  expect(looks([10, 112], [10, 95], [10, 96], [9_000, 160], [10, 110], [10, 95])).toEqual([0, 4])
})

test('memory that cannot be given back is not asked for again and again', () => {
  expect(looks([10, 112], [10, 112], [10, 112], [10, 112])).toEqual([0])
})
