import { expect, test } from 'bun:test'
import { parseRange } from '../../src/http/ranges/range-header.ts'

test.each([
  ['bytes=0-0', { start: 0, end: 1, isRest: false }],
  ['bytes=5-', { start: 5, end: 10, isRest: true }],
  ['bytes=-3', { start: 7, end: 10, isRest: false }],
  ['bytes=-30', { start: 0, end: 10, isRest: false }],
  ['bytes=2-99', { start: 2, end: 10, isRest: false }],
  [null, 'none'],
  ['', 'malformed'],
  ['bytes=-', 'malformed'],
  ['bytes=5-2', 'malformed'],
  ['bytes=0-1,4-5', 'malformed'],
  ['lines=1-2', 'malformed'],
  ['bytes=0x1-2', 'malformed'],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=10-11', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
] as const)('a Range of %p asks of ten bytes for %p', (header, range) => {
  expect(parseRange(header, 10)).toEqual(range)
})

test('of no bytes every range is past the end', () => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1'])
    expect(parseRange(header, 0)).toBe('unsatisfiable')
})
