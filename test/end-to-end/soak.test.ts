import { expect, test } from 'bun:test'
import { soak } from '../../scripts/soak/soak.ts'
import { runSeed } from '../support/random/seeded-random.ts'

const quota = 24 * 2 ** 20

test('daemons that are stopped and killed amid downloads keep their quota, leak nothing and give right bytes', async () => {
  const seed = runSeed()
  const report = await soak({
    downloads: 150,
    files: 60,
    largest: 12 * 2 ** 20,
    quota,
    daemons: 3,
    restartEvery: 15,
    seed,
    restMs: 6_000,
    say: () => {},
  })
  const { wrong, leaked, restarts, kills, exitCodes, mostStored, copies, footprints } = report
  expect({ seed, wrong, leaked, restarts, kills }).toEqual({
    seed,
    wrong: [],
    leaked: [],
    restarts: 10,
    kills: 5,
  })
  expect(exitCodes).toEqual([0, 0, 0, 0, 0])
  // Blobs by their size; a file's last block and the notes beside it come on top.
  expect(mostStored).toBeLessThan(quota + 60 * 3 * 4096)
  expect(copies).toBeGreaterThan(0.9)
  for (const { last } of footprints) {
    expect(last.deletedFiles).toEqual([])
    expect(last.handles).toBeLessThan(60)
  }
}, 600_000)
