import { expect, test } from 'bun:test'
import { findClashes, withoutRepeats } from '../../src/repo-download/listing-clashes.ts'

const file = (path: string, oid = 'a') => ({ path, oid })

test('a file that is a folder of others clashes, however the names in between sort', () => {
  const files = ['a', 'a.txt', 'a-b/c', 'a/b', 'a/b/c', 'ab', 'z'].map((path) => file(path))
  expect([...findClashes(files).keys()].sort()).toEqual(['a', 'a/b'])
})

test('a path with two contents clashes; one that is only repeated does not', () => {
  const files = [file('x', 'a'), file('y', 'a'), file('x', 'b'), file('y', 'a')]
  expect([...findClashes(files).keys()]).toEqual(['x'])
  expect(withoutRepeats(files)).toEqual([file('x', 'a'), file('y', 'a')])
})

test('names that objects have of their own are names', () => {
  expect([...findClashes([file('__proto__'), file('constructor/x')]).keys()]).toEqual([])
})
