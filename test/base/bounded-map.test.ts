import { expect, test } from 'bun:test'
import { BoundedMap } from '../../src/base/bounded-map.ts'

test('lets the entry go that was set longest ago', () => {
  const dropped: number[] = []
  const map = new BoundedMap<string, number>(2, (value) => dropped.push(value))
  map.set('a', 1).set('b', 2).set('c', 3)
  expect([...map]).toEqual([
    ['b', 2],
    ['c', 3],
  ])
  expect(dropped).toEqual([1])
})

test('takes an entry that is set anew for a new one, and drops nothing for it', () => {
  const dropped: number[] = []
  const map = new BoundedMap<string, number>(2, (value) => dropped.push(value))
  map.set('a', 1).set('b', 2).set('a', 3)
  expect([...map.keys()]).toEqual(['b', 'a'])
  expect(dropped).toEqual([])
  expect([...map.set('c', 4).keys()]).toEqual(['a', 'c'])
})

test('does not count reading as a use, and drops nothing that is deleted', () => {
  const dropped: number[] = []
  const map = new BoundedMap<string, number>(2, (value) => dropped.push(value))
  map.set('a', 1).set('b', 2)
  map.get('a')
  map.delete('b')
  map.set('c', 3).set('d', 4)
  expect([...map.keys()]).toEqual(['c', 'd'])
  expect(dropped).toEqual([1])
})
