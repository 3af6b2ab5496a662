import { expect, test } from 'bun:test'
import { Garbage } from '../../src/repo-download/garbage.ts'

test('garbage is collected each time that much has been made', () => {
  let collections = 0
  const garbage = new Garbage(() => {
    collections += 1
  })
  const after = [5e6, 10e6, 2e6, 15e6, 1e6, 40e6].map((size) => {
    garbage.add(size)
    return collections
  })
  expect(after).toEqual([0, 0, 1, 1, 2, 3])
})
