import { expect, test } from 'bun:test'
import { createTimeSlice } from '../../src/base/time-slice.ts'

test('work goes on within its slice, and lets others run after it', async () => {
  let now = 0
  let turns = 0
  const others = createTimeSlice({ sliceMs: 10, now: () => now })
  setImmediate(() => {
    turns += 1
  })
  now = 9
  await others()
  expect(turns).toBe(0)
  now = 10
  await others()
  expect(turns).toBe(1)
})
