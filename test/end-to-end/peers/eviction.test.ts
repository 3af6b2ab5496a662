import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { PEER_HEADER, toPeerHeader } from '../../../src/swarm/protocol/peer-info.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { type RunOptions, type RunResult, runDfhf, startDfhf } from '../../support/program/binary.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import { expectExact, oidOf } from '../../support/program/weights.ts'
import { samplePeer } from '../../swarm/samples.ts'

setDefaultTimeout(60_000)
const size = 6_000_000
const repo: RepoSpec = {
  id: 'o/r',
  commits: [{ a: { seed: 'a', size, lfs: true }, b: { seed: 'b', size, lfs: true } }],
}
const sharing = { env: { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' } } satisfies RunOptions

/** A node that fetches for its peers into a store that holds one of the two blobs. */
async function startSeed(machine: Machine) {
  const flags = ['--listen', '127.0.0.1:0', '--gateway', 'off', '--store-quota', '8MB', '--min-free', '0']
  const running = await startDfhf(machine, ['serve', ...flags, '--fetch-for-peers'], sharing)
  const address = `127.0.0.1:${await running.told(/to peers on port (\d+)\n/)}`
  return { running, address, url: `http://${address}/v1/blobs` }
}

/** A fresh machine's download that may ask the seed alone. */
async function download(hub: TestHub, seed: string, path: string): Promise<RunResult> {
  using machine = newMachine(hub.url)
  const command = ['download', 'o/r', path, '--seeds', seed, '--origin', 'seeds']
  const result = await runDfhf(machine, command, sharing)
  expectExact(hub, result, path)
  return result
}

/** The lines of a watched blob, as they come. */
async function* watch(url: string): AsyncGenerator<{ readonly have?: unknown; readonly lost?: unknown }> {
  const headers = { [PEER_HEADER]: toPeerHeader(samplePeer(7, { addresses: ['127.0.0.1'] })) }
  const answer = await fetch(`${url}/pieces?watch=1`, { headers })
  let text = ''
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString()
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line)
  }
}

describe('a node whose store is full', () => {
  test('offers no longer what it let go, tells those who watch, and fetches it anew for the next', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using node = newMachine(hub.url)
    const seed = await startSeed(node)
    await using _ = seed.running
    await download(hub, seed.address, 'a')
    const a = `${seed.url}/${oidOf(hub, 'a')}`
    const lines = watch(a)
    expect((await lines.next()).value).toMatchObject({ have: 'all' })
    await download(hub, seed.address, 'b')
    for await (const line of lines) if (line.lost !== undefined) break
    for (const question of [`${a}/pieces`, a]) expect((await fetch(question)).status, question).toBe(404)
    await download(hub, seed.address, 'a')
    await download(hub, seed.address, 'b')
  })

  test('makes room when ranges of what it has were asked for a moment ago', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using node = newMachine(hub.url)
    const seed = await startSeed(node)
    await using _ = seed.running
    await download(hub, seed.address, 'a')
    for (let start = 0; start < size; start += 2_000_000) {
      const headers = { Range: `bytes=${start}-${start + 999_999}` }
      const answer = await fetch(`${seed.url}/${oidOf(hub, 'a')}`, { headers })
      expect([answer.status, (await answer.bytes()).length]).toEqual([206, 1_000_000])
    }
    await download(hub, seed.address, 'b')
    expect(seed.running.stderr()).not.toContain('no room')
  })
})
