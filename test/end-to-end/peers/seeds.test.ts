import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { type RunOptions, runDfhf, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { isExact, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 12_000_000
const sharing = { env: { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' } } satisfies RunOptions
const serve = ['serve', '--listen', '127.0.0.1:0', '--gateway', 'off', '--fetch-for-peers']

test('a node that fetches for its peers gives them every file of a repo, and the Hub sends each once', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)] })
  using node = newMachine(hub.url)
  await using seed = await startDfhf(node, serve, sharing)
  const seeds = `127.0.0.1:${await seed.told(/to peers on port (\d+)\n/)}`

  for (const origin of ['seeds', 'never']) {
    using machine = newMachine(hub.url)
    const command = ['snapshot', 'o/r', '--seeds', seeds, '--origin', origin, '--json', '--quiet']
    const result = await runDfhf(machine, command, sharing)
    expect(result.code, result.stderr).toBe(0)
    const snapshot = JSON.parse(result.stdout) as { path: string; bytes: Record<string, number> }
    expect(snapshot.bytes).toEqual({ hub: 0, peers: size + 'text\n'.length, local: 0 })
    for (const path of ['w', 't']) expect(isExact(hub, `${snapshot.path}/${path}`, path)).toBe(true)
  }
  for (const [path, length] of Object.entries({ w: size, t: 'text\n'.length })) {
    expect(sentOf(hub, path)).toBeGreaterThanOrEqual(length)
    expect(sentOf(hub, path)).toBeLessThan(length * 1.5)
  }
})

test('a seed that has another key says why it gives nothing', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)] })
  using node = newMachine(hub.url)
  const keyFile = join(node.folder, 'key')
  writeFileSync(keyFile, 'k'.repeat(32), { mode: 0o600 })
  await using seed = await startDfhf(node, [...serve, '--cluster-key-file', keyFile], sharing)
  const seeds = `127.0.0.1:${await seed.told(/to peers on port (\d+)\n/)}`
  using machine = newMachine(hub.url)
  const command = ['snapshot', 'o/r', '--seeds', seeds, '--origin', 'seeds']
  await using run = await startDfhf(machine, command, sharing)
  const said = await run.told(/^warning: (the seed .*)\n/m)
  expect(said).toStartWith(`the seed ${seeds} is of no use: `)
  expect(said).toContain('the same cluster key')
})
