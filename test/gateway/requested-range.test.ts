import { describe, expect, test } from 'bun:test'
import { requestedRange } from '../../src/gateway/requested-range.ts'

describe('a Range', () => {
  const of = (range: string, etag?: string) =>
    requestedRange(new Headers({ range, ...(etag && { 'if-range': etag }) }), 100, '"e"')
  test.each([
    ['bytes=0-9', { start: 0, end: 10, isRest: false }],
    ['bytes=90-', { start: 90, end: 100, isRest: true }],
    ['bytes=-5', { start: 95, end: 100, isRest: false }],
    ['bytes=50-999', { start: 50, end: 100, isRest: false }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-1', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['lines=0-1', 'whole'],
  ] as const)('%s of 100 bytes', (range, expected) => {
    expect(of(range)).toEqual(expected)
  })
  test('for other content means all of it', () => {
    expect(of('bytes=0-9', '"other"')).toBe('whole')
    expect(of('bytes=0-9', '"e"')).toEqual({ start: 0, end: 10, isRest: false })
  })
})
