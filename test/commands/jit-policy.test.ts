import { expect, test } from 'bun:test'
import { compileInLongRuns } from '../../src/commands/jit-policy.ts'

test('the runtime compiles as soon as usual once, and only where a run is long', async () => {
  const compiles = Promise.withResolvers<void>()
  const used = [0, 1_000_000, 2_900_000, 3_100_000, 4_000_000]
  let looks = 0
  compileInLongRuns(
    {
      cpuUs: () => used[Math.min(looks++, used.length - 1)] ?? 0,
      compileSoon: () => compiles.resolve(),
    },
    1,
  )
  // The look for a longer run does not keep a process alive, and so not this test.
  const alive = setInterval(() => {}, 1_000)
  await compiles.promise
  clearInterval(alive)
  expect(looks).toBe(4)
})
