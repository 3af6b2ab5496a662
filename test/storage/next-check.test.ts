import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { nextCheck } from '../../src/storage/store/next-check.ts'
import type { VerifiedFact } from '../../src/storage/store/verified-format.ts'
import { sampleOid } from '../swarm/samples.ts'

function factOf(path: string, checkedAtMs: number, isGood = true): VerifiedFact {
  return { oid: sampleOid(), isGood, size: 1, mtime: '1', ctime: '1', inode: '1', checkedAtMs, path }
}

test('the file that was checked longest ago is next, once it is due', () => {
  const facts = [factOf('a', 3000), factOf('b', 1000), factOf('bad', 0, false)]
  expect(nextCheck(facts, 5000, 3000)).toMatchObject({ type: 'check', fact: { path: 'b' } })
  expect(nextCheck(facts, 5000, 4500)).toEqual({ type: 'wait', waitMs: 500 })
  expect(nextCheck([], 5000, 1)).toMatchObject({ type: 'wait' })
  expect(nextCheck([factOf('from the future', 9000)], 5000, 1000)).toMatchObject({ type: 'check' })
})

test('every good file is checked in its turn, and none twice before the others', () => {
  const times = fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(times, (times) => {
      const facts = new Map(times.map((at, index) => [String(index), factOf(String(index), at)]))
      const order: string[] = []
      for (let nowMs = 10_000; order.length < times.length; nowMs += 1) {
        const next = nextCheck(facts.values(), nowMs, 5000)
        if (next.type === 'wait') throw new Error('waits although files are due')
        order.push(next.fact.path)
        facts.set(next.fact.path, { ...next.fact, checkedAtMs: nowMs })
      }
      expect(new Set(order).size).toBe(times.length)
      const found = order.map((path) => times[Number(path)] ?? 0)
      expect(found).toEqual([...found].sort((a, b) => a - b))
    }),
  )
})
