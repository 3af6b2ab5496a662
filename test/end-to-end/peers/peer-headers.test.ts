import { expect, setDefaultTimeout, test } from 'bun:test'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import {
  createPeerId,
  PEER_HEADER,
  type PeerInfo,
  toPeerHeader,
} from '../../../src/swarm/protocol/peer-info.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { type RunOptions, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const sharing = { env: { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' } } satisfies RunOptions
const repos = [weightsRepo(1_000_000)]

interface Listing {
  readonly peers: readonly {
    readonly id: string
    readonly addresses: readonly string[]
    readonly port: number
  }[]
}

/** A peer that answers under an id at an address of this machine, and counts who knocks. */
function standIn(peer: PeerInfo, hostname: string) {
  let [asked, wake] = [0, () => {}]
  const server: Bun.Server<undefined> = Bun.serve({
    hostname,
    port: 0,
    fetch(): Response {
      asked += 1
      wake()
      return Response.json(
        { ok: true },
        { headers: { [PEER_HEADER]: toPeerHeader({ ...peer, port: server.port ?? 0 }) } },
      )
    },
  })
  return {
    peer: { ...peer, port: server.port ?? 0 },
    asked: () => asked,
    async untilAsked(times: number): Promise<void> {
      while (asked < times) await new Promise<void>((resolve) => (wake = resolve))
    },
    [Symbol.dispose]: () => void server.stop(true),
  }
}

function stranger(): PeerInfo {
  return {
    id: createPeerId(),
    name: 'stranger',
    addresses: [],
    port: 1,
    version: '0.1.0',
    clusterFingerprint: undefined,
    role: 'serve',
    fetchesForPeers: false,
    usesTls: false,
  }
}

/** Asks a node whom it knows, from an address of this machine, with an introduction. */
async function introduce(port: number, from: string, as: PeerInfo): Promise<Listing> {
  const headers = { [PEER_HEADER]: toPeerHeader(as) }
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    request({ host: '127.0.0.1', port, path: '/v1/peers', localAddress: from, headers }, resolve)
      .on('error', reject)
      .end(),
  )
  return (await json(answer)) as Listing
}

async function startNode() {
  const stack = new AsyncDisposableStack()
  const hub = stack.use(await startTestHub({ repos }))
  const machine = stack.use(newMachine(hub.url))
  const serve = ['serve', '--listen', '127.0.0.1:0', '--gateway', 'off', '--verbose']
  const node = stack.use(await startDfhf(machine, serve, sharing))
  const port = Number(await node.told(/to peers on port (\d+)\n/))
  return { node, port, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('a node asks no address that a header names, and tells of no peer that did not answer it', async () => {
  await using at = await startNode()
  using honest = standIn(stranger(), '127.0.0.2')
  using elsewhere = standIn(stranger(), '127.0.0.3')
  const named = { ...elsewhere.peer, addresses: ['127.0.0.3'] }
  await introduce(at.port, '127.0.0.2', named)
  await introduce(at.port, '127.0.0.2', honest.peer)
  await honest.untilAsked(1)
  await at.node.said('peer stranger')
  const { peers } = await introduce(at.port, '127.0.0.4', { ...stranger(), port: 9 })
  expect(peers).toMatchObject([{ id: honest.peer.id, addresses: ['127.0.0.2'], port: honest.peer.port }])
  expect(elsewhere.asked()).toBe(0)
})

test('a header with the id of a peer that answers neither moves it nor gets the thief asked', async () => {
  await using at = await startNode()
  using honest = standIn(stranger(), '127.0.0.2')
  using thief = standIn(honest.peer, '127.0.0.3')
  await introduce(at.port, '127.0.0.2', honest.peer)
  await at.node.said('peer stranger')
  for (const from of ['127.0.0.3', '127.0.0.5', '127.0.0.6', '127.0.0.7']) {
    const asked = honest.asked()
    await introduce(at.port, from, thief.peer)
    // Whether the one that is known still answers decides.
    await honest.untilAsked(asked + 1)
  }
  const { peers } = await introduce(at.port, '127.0.0.4', { ...stranger(), port: 9 })
  expect(peers).toMatchObject([{ id: honest.peer.id, addresses: ['127.0.0.2'], port: honest.peer.port }])
  expect(thief.asked()).toBe(0)
})
