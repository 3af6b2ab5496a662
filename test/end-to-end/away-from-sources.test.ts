import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyPrefix } from '../../scripts/build/source-copy.ts'
import { startNode } from '../support/gateway/gateway-node.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { dfhfBinary, runDfhf } from '../support/program/binary.ts'
import { cacheFaults } from '../support/program/cache-check.ts'
import { checkout } from '../support/program/find-binary.ts'
import { canHideCheckout, withHiddenCheckout } from '../support/program/hidden-checkout.ts'
import { newMachine } from '../support/program/machine.ts'
import {
  downloadWeights,
  expectExact,
  isExact,
  oidOf,
  sentOf,
  weightsRepo,
} from '../support/program/weights.ts'

setDefaultTimeout(120_000)

/** Big enough for the hash worker, which is a part of the program that must be found. */
const size = 12_000_000
const repos = [weightsRepo(size)]
const away = { prefix: withHiddenCheckout }

test('the binary names neither the project nor the folder that it was built in', async () => {
  const binary = readFileSync(await dfhfBinary())
  expect([checkout, copyPrefix].filter((path) => binary.includes(path))).toEqual([])
})

describe.skipIf(!canHideCheckout())('where its sources are not', () => {
  test('download gets a file', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    expectExact(hub, await runDfhf(machine, downloadWeights, away))
  })

  test('snapshot gets a repo', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const { code, stdout, stderr } = await runDfhf(machine, ['snapshot', 'o/r'], away)
    expect(code, stderr).toBe(0)
    expect(isExact(hub, join(stdout.trimEnd(), 'w'))).toBe(true)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('serve is a Hub to a client and then a seed to a download', async () => {
    await using hub = await startTestHub({ repos })
    await using node = await startNode(hub.url, { ...away, seeds: [] })
    const answer = await fetch(`${node.url}/o/r/resolve/main/w`)
    const digest = new Bun.CryptoHasher('sha256').update(await answer.arrayBuffer()).digest('hex')
    expect(digest).toBe(oidOf(hub))
    const sent = sentOf(hub)
    using machine = newMachine(hub.url)
    const seeds = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1', DFHF_SEEDS: node.peerAddress }
    expectExact(
      hub,
      await runDfhf(machine, [...downloadWeights, '--origin', 'never'], { ...away, env: seeds }),
    )
    expect(sentOf(hub)).toBe(sent)
  })
})

test('what looks like its sources where it is started is not run', async () => {
  await using hub = await startTestHub({ repos })
  using machine = newMachine(hub.url)
  const cwd = join(machine.folder, 'work')
  const trap = 'throw new Error("not a part of dfhf")'
  for (const name of ['bin/dfhf', 'src/hash/hash-worker', 'src/commands/run', 'node_modules/undici/index']) {
    mkdirSync(join(cwd, name, '..'), { recursive: true })
    for (const ending of ['ts', 'js']) writeFileSync(join(cwd, `${name}.${ending}`), trap)
  }
  writeFileSync(join(cwd, '.env'), 'HF_HUB_OFFLINE=1\n')
  writeFileSync(join(cwd, 'bunfig.toml'), 'preload = ["./bin/dfhf.ts"]\n')
  writeFileSync(join(cwd, 'package.json'), '{"imports":{"#a":"./bin/dfhf.ts"},"type":"module"}')
  writeFileSync(join(cwd, 'tsconfig.json'), '{"compilerOptions":{"paths":{"*":["./bin/dfhf.ts"]}}}')
  expectExact(hub, await runDfhf(machine, downloadWeights, { cwd }))
})
