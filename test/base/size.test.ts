import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatSize, parseSize } from '../../src/base/size.ts'

test('shows sizes as the hub does, base 1000, never more than four characters of number', () => {
  const shown = [0, 999, 1000, 5_300_000, 99_950_000, 999_499, 999_500, 2_147_483_648].map(formatSize)
  expect(shown).toEqual(['0 B', '999 B', '1.0 kB', '5.3 MB', '100 MB', '999 kB', '1.0 MB', '2.1 GB'])
  fc.assert(fc.property(fc.nat(), (size) => expect(formatSize(size)).toMatch(/^\d{1,3}(\.\d)? [kMG]?B$/)))
})

test('reads sizes with decimal and binary units, and as rates', () => {
  expect(['0', '500', '1.5k', '10MB', '10mb/s', '1GiB', '512 KiB'].map(parseSize)).toEqual([
    0,
    500,
    1500,
    1e7,
    1e7,
    2 ** 30,
    2 ** 19,
  ])
})

test('refuses what is no size', () => {
  for (const text of ['', '-1', 'x', '1..5M', '5X', '10 M B', '1e3'])
    expect(() => parseSize(text)).toThrow('not a size')
})
