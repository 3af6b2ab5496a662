import { expect, test } from 'bun:test'
import { countOf } from '../../src/base/count-of.ts'

test('one thing is named in the singular, none and several in the plural', () => {
  expect([0, 1, 2].map((count) => countOf(count, 'file'))).toEqual(['0 files', '1 file', '2 files'])
})
