import { expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as tuning from '../../src/schedule/tuning.ts'

const folder = join(import.meta.dir, '../../src/schedule')

test('the numbers by which transfers are decided stand in one file', async () => {
  const elsewhere: string[] = []
  for await (const name of new Bun.Glob('*.ts').scan({ cwd: folder })) {
    if (name === 'tuning.ts') continue
    const text = await readFile(join(folder, name), 'utf8')
    for (const [, constant] of text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*) = [-\d([]/gm))
      elsewhere.push(`${name}: ${constant}`)
  }
  // Numbers that no piece has, from which peers compute their ranks: all peers must have the same for ever.
  expect(elsewhere.sort()).toEqual(['ownership.ts: MEMBER_DRAW', 'ownership.ts: START_DRAW'])
})

test('each of them says what it is for', async () => {
  const text = await readFile(join(folder, 'tuning.ts'), 'utf8')
  for (const name of Object.keys(tuning)) {
    const before = text.slice(0, text.indexOf(`export const ${name} =`)).trimEnd()
    const isTold = before.endsWith('*/') || /\nexport const [^\n]*$/.test(before)
    expect(isTold, name).toBe(true)
  }
})

test('what peers may hold back fits the ten seconds that are promised', () => {
  const { SWARM_PATIENCE_MS, PATIENCE_IN_A_CROWD_MS, SPREAD_MS, PATIENCE_SHARE, SHARE_THAT_PAYS } = tuning
  expect(SWARM_PATIENCE_MS + PATIENCE_IN_A_CROWD_MS + SPREAD_MS).toBeLessThan(10_000)
  // Slow peers may cost the half of the time alone, the patience less than the rest of it.
  expect(1 / SHARE_THAT_PAYS - 1 + PATIENCE_SHARE).toBeLessThan(1)
})

test('a piece that too few have to be common is asked of those that have rare ones', () => {
  // Else it is asked of none: twenty simulated hosts fetched two copies of the blob and needed three times as long.
  expect(tuning.COMMON_COPIES).toBeGreaterThan(tuning.RARE_COPIES)
})

test('the Hub is asked how fast it is before peers are given up without knowing', () => {
  // Else fifty simulated hosts on a thin uplink ran for it together, and fetched six copies of the blob.
  const { DOUBT_MS, DOUBT_IN_A_CROWD_MS, SWARM_PATIENCE_MS, PATIENCE_IN_A_CROWD_MS } = tuning
  expect(DOUBT_MS).toBeLessThan(SWARM_PATIENCE_MS)
  expect(DOUBT_IN_A_CROWD_MS).toBeLessThanOrEqual(PATIENCE_IN_A_CROWD_MS)
})
