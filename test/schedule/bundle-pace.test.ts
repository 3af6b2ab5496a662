import { expect, test } from 'bun:test'
import { BundlePace } from '../../src/schedule/bundle-pace.ts'
import {
  FIRST_BUNDLE_BLOBS,
  LARGEST_BUNDLE_BLOBS,
  LARGEST_BUNDLE_BYTES,
  MOST_BUNDLE_WASTE_MS,
  MOST_FRUITLESS_BUNDLES,
} from '../../src/schedule/tuning.ts'
import { MAX_BUNDLE_BLOBS, MAX_BUNDLE_BYTES } from '../../src/swarm/protocol/bundle-wire.ts'

test('a quick peer is asked for more at a time, within what one request may ask for', () => {
  const pace = new BundlePace()
  const sizes = Array.from({ length: 6 }, () => {
    const { blobs } = pace.sizeFor('a')
    pace.brought('a', 100)
    return blobs
  })
  expect(sizes.slice(0, 3)).toEqual([64, 128, 256])
  expect(sizes.at(-1)).toBe(LARGEST_BUNDLE_BLOBS)
  expect(LARGEST_BUNDLE_BLOBS).toBeLessThanOrEqual(MAX_BUNDLE_BLOBS)
  expect(LARGEST_BUNDLE_BYTES).toBeLessThanOrEqual(MAX_BUNDLE_BYTES)
  expect(pace.sizeFor('b').blobs).toBe(FIRST_BUNDLE_BLOBS)
})

test('a slow peer is asked for no more than before, and one that failed begins anew', () => {
  const pace = new BundlePace()
  pace.brought('a', 900)
  expect([pace.sizeFor('a').blobs, pace.isProven('a')]).toEqual([FIRST_BUNDLE_BLOBS, true])
  pace.brought('a', 100)
  pace.failed('a', 10)
  expect([pace.sizeFor('a').blobs, pace.isProven('a')]).toEqual([FIRST_BUNDLE_BLOBS, false])
})

test('peers are asked no more once they have wasted all that they may together', () => {
  const pace = new BundlePace()
  pace.failed('a', MOST_BUNDLE_WASTE_MS / 2)
  pace.waited(MOST_BUNDLE_WASTE_MS / 4)
  expect(pace.isOver).toBe(false)
  pace.failed('b', MOST_BUNDLE_WASTE_MS / 4)
  expect(pace.isOver).toBe(true)
})

test('nor once many of them had nothing, however quickly they said so', () => {
  const pace = new BundlePace()
  for (let count = 1; count < MOST_FRUITLESS_BUNDLES; count += 1) pace.failed(`${count}`, 1)
  expect(pace.isOver).toBe(false)
  pace.failed('last', 1)
  expect(pace.isOver).toBe(true)
})

test('what they bring makes up for a part of it', () => {
  const pace = new BundlePace()
  pace.waited(MOST_BUNDLE_WASTE_MS - 10)
  pace.brought('a', 400)
  pace.waited(100)
  expect(pace.isOver).toBe(false)
})
