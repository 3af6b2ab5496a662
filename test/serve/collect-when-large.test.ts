import { expect, test } from 'bun:test'
import { CollectWhenLarge } from '../../src/serve/collect-when-large.ts'

/** Looks once for each size in MB, of which `freed` MB go when garbage is collected; gives at which looks that was done. */
function looks(sizes: readonly number[], freed: number): number[] {
  let size = 0
  let number = 0
  const collectedAt: number[] = []
  using keeper = new CollectWhenLarge({
    cpuTime: () => expect.unreachable(),
    residentSize: () => size,
    shrink: () => expect.unreachable(),
    collect: () => {
      collectedAt.push(number)
      size -= freed * 1e6
    },
  })
  for (const megabytes of sizes) {
    size = megabytes * 1e6
    keeper.look()
    number += 1
  }
  return collectedAt
}

test('a small process is left alone', () => {
  expect(looks([60, 100, 109], 20)).toEqual([])
})

test('a large process collects its garbage at each look that frees something', () => {
  expect(looks([130, 125, 140, 90, 150], 20)).toEqual([0, 1, 2, 4])
})

test('collections that free nothing come less and less often, until the process was small again', () => {
  expect(looks([...Array(12).fill(130), 100, 130], 1)).toEqual([0, 2, 6, 13])
})
