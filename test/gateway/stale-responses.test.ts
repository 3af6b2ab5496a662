import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StaleResponses } from '../../src/gateway/mirror/stale-responses.ts'

test('kept answers outlive a restart, for as long as is asked, and no longer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-kept-'))
  let now = 1_000
  const clock = () => now
  const repo = { type: 'model', id: 'o/r' } as const
  const other = { type: 'dataset', id: 'o/r' } as const
  const before = new StaleResponses(folder, { now: clock })
  for (const each of [repo, other]) await before.keep(each, 'q', { a: 1 })
  const kept = new StaleResponses(folder, { now: clock })
  now += 5_000
  expect(await kept.find(repo, 'q', 5_000)).toEqual({ a: 1 })
  expect(await kept.find(repo, 'q', 4_999)).toBeUndefined()
  expect(await kept.find(repo, 'other', 5_000)).toBeUndefined()
  await kept.keep(repo, 'r', { a: 2 })
  await kept.withdraw(repo, 'q')
  expect(await kept.find(repo, 'q', 5_000)).toBeUndefined()
  expect(await kept.find(repo, 'r', 5_000)).toEqual({ a: 2 })
  const { withdrawals } = kept
  await kept.withdraw(repo)
  await kept.keep(repo, 's', { a: 3 }, withdrawals)
  expect(await kept.find(repo, 'r', 5_000)).toBeUndefined()
  expect(await kept.find(repo, 's', 5_000)).toBeUndefined()
  expect(await kept.find(other, 'q', 5_000)).toEqual({ a: 1 })
  await rm(folder, { recursive: true })
})
