import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Findings } from '../../../scripts/campaign/finding.ts'
import { HostilePeer, type Surroundings } from '../../../scripts/campaign/hostile/hostile-peer.ts'
import { conductsOf, type HostileKind } from '../../../scripts/campaign/hostile/kinds.ts'
import { SecretWatch } from '../../../scripts/campaign/secret-watch.ts'
import { Truth } from '../../../scripts/campaign/truth.ts'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { readAll } from '../../support/hub/content.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { ownAddress } from '../../support/program/own-address.ts'
import { downloadWeights, expectExact, oidOf, weightsRepo } from '../../support/program/weights.ts'

// The promise is twice the time alone, which is a second here, and ten; a busy machine has a minute more.
setDefaultTimeout(90_000)
const size = 24_000_000

const kinds: readonly HostileKind[] = [
  'twin',
  'late-garbage',
  'wrong-early',
  'wrong-late',
  'wrong-at-the-end',
  'busy',
  'claims',
  'owners',
  'fickle',
  'drip',
  'silent',
  'mute',
  'gone',
  'closes',
  'flood',
]

/** Peers of one kind on this machine that know the Hub's bytes; gone when disposed. */
function startPeers(kind: HostileKind, hub: TestHub, honest: () => readonly string[]) {
  const stop = new AbortController()
  const truth = new Truth()
  const content = hub.repo('o/r').resolve('main')?.files.get('w')?.content
  truth.addBytes('o/r', 'public', { path: 'w', isLfs: true, bytes: readAll(content ?? expect.unreachable()) })
  const around: Surroundings = {
    host: '127.0.0.1',
    truth,
    watch: new SecretWatch(new Findings(), { secrets: [], names: [] }),
    inspect: () => {},
    signal: stop.signal,
    honest,
  }
  const peers = conductsOf(kind, [oidOf(hub)]).map((conduct) => new HostilePeer(conduct, around))
  return {
    seeds: peers.map(({ address }) => address).join(','),
    peers,
    [Symbol.dispose]() {
      stop.abort()
      for (const peer of peers) peer[Symbol.dispose]()
    },
  }
}

describe('a download whose Hub is up ends with the right bytes', () => {
  for (const [index, kind] of kinds.entries()) {
    test.concurrent(`beside hostile peers of the kind '${kind}'`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      using machine = newMachine(hub.url)
      // The hostile peers know it before it starts.
      const address = `${ownAddress(index + 1)}:7001`
      using hostile = startPeers(kind, hub, () => [address])
      const result = await runDfhf(
        machine,
        [...downloadWeights, '--no-multicast', `--listen=${address}`, `--seeds=${hostile.seeds}`],
        { env: { DFHF_NO_PEERS: '' } },
      )
      expectExact(hub, result)
      expect(hostile.peers.some(({ requests }) => requests > 0)).toBe(true)
    })
  }
})

describe('a client of the gateway is given no wrong byte, however its answer ends', () => {
  for (const kind of ['wrong-early', 'wrong-late'] as const) {
    test(`beside a hostile peer of the kind '${kind}'`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: size / 4 } })
      using hostile = startPeers(kind, hub, () => [])
      await using node = await startNode(hub.url, { seeds: [hostile.seeds] })
      await node.running.said(' joined')
      const content = hub.repo('o/r').resolve('main')?.files.get('w')?.content
      const right = readAll(content ?? expect.unreachable())
      const answer = await fetch(`${node.url}/o/r/resolve/main/w`)
      expect(answer.status).toBe(200)
      let at = 0
      try {
        for await (const chunk of answer.body ?? []) {
          expect(Buffer.compare(chunk, right.subarray(at, at + chunk.length)), `bytes from ${at} on`).toBe(0)
          at += chunk.length
        }
      } catch (error) {
        if (!/closed|reset|terminated/i.test(String(error))) throw error
      }
      const asked = hostile.peers.reduce((sum, { requests }) => sum + requests, 0)
      expect(asked).toBeGreaterThan(3)
    })
  }
})
