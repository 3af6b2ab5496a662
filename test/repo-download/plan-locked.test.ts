import { expect, test } from 'bun:test'
import { parseLock } from '../../src/repo/repo-lock.ts'
import { differencesOf } from '../../src/repo-download/plan-locked.ts'

const oid = (digit: string) => digit.repeat(64)
const [locked] = parseLock(
  JSON.stringify({
    version: 1,
    repos: [
      {
        repo: 'o/r',
        type: 'model',
        revision: 'main',
        include: ['*.bin', '*.json'],
        exclude: ['old/*'],
        commit: 'c'.repeat(40),
        files: [
          { path: 'a.bin', size: 1, oid: oid('a') },
          { path: 'b.json', size: 2, oid: oid('b') },
        ],
      },
    ],
  }),
  'lock',
)
const same = [
  { path: 'a.bin', size: 1, oid: oid('a') },
  { path: 'b.json', size: 2, oid: oid('b') },
]
const differences = (listed: typeof same) =>
  locked && differencesOf(locked, listed as unknown as Parameters<typeof differencesOf>[1])

test('a list with the same files does not differ, whatever the patterns leave out', () => {
  expect(differences([...same, { path: 'README.md', size: 9, oid: oid('9') }])).toEqual([])
  expect(differences([...same.toReversed(), { path: 'old/x.bin', size: 9, oid: oid('9') }])).toEqual([])
})

test('a list differs in an oid, a size, a file less and a file more', () => {
  expect(differences([{ path: 'a.bin', size: 1, oid: oid('f') }, ...same.slice(1)])).toEqual([
    'a.bin is ffffffffffff, not aaaaaaaaaaaa',
  ])
  expect(differences([{ path: 'a.bin', size: 7, oid: oid('a') }, ...same.slice(1)])).toEqual([
    'a.bin has 7 bytes, not 1',
  ])
  expect(differences(same.slice(1))).toEqual(['a.bin is missing'])
  expect(differences([...same, { path: 'c.bin', size: 3, oid: oid('c') }])).toEqual([
    'c.bin is not in the lock',
  ])
})
