import { expect, test } from 'bun:test'
import { parseOid } from '../../src/blob/oid.ts'
import { CutReplies } from '../../src/gateway/cut-replies.ts'

const oidOf = (n: number) => parseOid(n.toString(16).padStart(64, '0'))

test('a blob is remembered for ten minutes after an answer of it was cut', () => {
  let now = 0
  const answers = new CutReplies(() => now)
  answers.note(oidOf(1))
  now = 9 * 60_000
  expect([answers.has(oidOf(1)), answers.has(oidOf(2))]).toEqual([true, false])
  now = 11 * 60_000
  expect(answers.has(oidOf(1))).toBe(false)
})

test('however many answers are cut, only the last thousand blobs are remembered', () => {
  const answers = new CutReplies(() => 0)
  for (let n = 0; n < 1_500; n += 1) answers.note(oidOf(n))
  expect([answers.has(oidOf(499)), answers.has(oidOf(500)), answers.has(oidOf(1_499))]).toEqual([
    false,
    true,
    true,
  ])
})
