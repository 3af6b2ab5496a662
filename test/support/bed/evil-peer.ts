// `bun test/support/bed/evil-peer.ts MODE SIZE`: a peer that seems to have the whole of any blob of that size, and does harm.

import { Bitmap } from '../../../src/blob/bitmap.ts'
import { pieceDigest } from '../../../src/blob/digest.ts'
import { type ByteRange, pieceCountOf, pieceRange } from '../../../src/blob/pieces.ts'
import { type RequestHandler, startPeerServer } from '../../../src/peer/peer-server.ts'
import { MulticastDiscovery } from '../../../src/swarm/discovery/discovery-multicast.ts'
import {
  createPeerId,
  PEER_HEADER,
  type PeerInfo,
  toPeerHeader,
} from '../../../src/swarm/protocol/peer-info.ts'
import type { SharedBlob } from '../../../src/swarm/server/blob-shelf.ts'
import { PeerHandler } from '../../../src/swarm/server/peer-handler.ts'
import { type EvilMode, isEvilMode } from './evil-mode.ts'

/** What it sends in place of bytes that it does not have. */
function lies(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(0x66)
}

/** Digests that fit the lies. */
function digestsOfLies(size: number): Map<number, string> {
  const digests = new Map<number, string>()
  for (let piece = 0; piece < pieceCountOf(size); piece += 1) {
    const { start, end } = pieceRange(size, piece)
    digests.set(piece, pieceDigest(lies(end - start)))
  }
  return digests
}

function open(mode: EvilMode, { start, end }: ByteRange): ReadableStream<Uint8Array> {
  if (mode === 'claims') throw new Error('it never had that')
  if (mode === 'drips') return drip(end - start)
  return new ReadableStream({
    start(controller) {
      controller.enqueue(lies(mode === 'stalls' ? 1000 : end - start))
      if (mode !== 'stalls') controller.close()
    },
  })
}

/** All but the last bytes at once, and then one each second. */
function drip(length: number): ReadableStream<Uint8Array> {
  let left = Math.min(300, length)
  return new ReadableStream({
    start: (controller) => controller.enqueue(lies(length - left)),
    async pull(controller) {
      // Just below the second after which a peer that sends nothing gets a rival.
      await Bun.sleep(900)
      left -= 1
      controller.enqueue(lies(1))
      if (left <= 0) controller.close()
    },
  })
}

/** Fetches everything or nothing, as it says in turn, and tells at each change. */
function grabbingBlob(size: number): SharedBlob {
  const all = Array.from({ length: pieceCountOf(size) }, (_, piece) => piece)
  let fetching: readonly number[] = all
  return {
    ...evilBlob('claims', size),
    pieces: new Bitmap(pieceCountOf(size)),
    asksHub: true,
    get fetching() {
      return fetching
    },
    subscribe(listener) {
      const timer = setInterval(() => {
        fetching = fetching.length > 0 ? [] : all
        listener()
      }, 500)
      return () => clearInterval(timer)
    },
  }
}

function evilBlob(mode: EvilMode, size: number): SharedBlob {
  const pieces = new Bitmap(pieceCountOf(size))
  pieces.addAll()
  const digests = mode === 'wrong-bytes' ? digestsOfLies(size) : new Map<number, string>()
  return {
    size,
    pieces,
    fetching: [],
    digests,
    asksHub: false,
    subscribe: () => () => {},
    open: async (range) => open(mode, range),
    digestsOf: async (wanted) =>
      new Map(wanted.map((piece) => [piece, digests.get(piece) ?? '0'.repeat(64)])),
  }
}

const [mode = '', size = ''] = process.argv.slice(2)
if (!isEvilMode(mode)) throw new Error(`no such mode: ${mode}`)
const blob = mode === 'fetches' ? grabbingBlob(Number(size)) : evilBlob(mode, Number(size))
const self: PeerInfo = {
  id: createPeerId(),
  name: 'evil',
  addresses: [],
  port: 0,
  version: '0.1.0',
  clusterFingerprint: undefined,
  role: 'serve',
  fetchesForPeers: false,
  usesTls: false,
}
const known = (): PeerInfo => ({ ...self, port: server.port })
const honest = new PeerHandler({
  self: known,
  shelf: { find: async () => blob, onChange: () => () => {} },
  peers: { sample: () => [], heard: () => true, saidBye: () => {}, isBanned: () => false },
})
const garbage: RequestHandler = {
  async handle() {
    const bytes = crypto.getRandomValues(new Uint8Array(50_000))
    return new Response(bytes, { headers: { [PEER_HEADER]: toPeerHeader(known()) } })
  },
  close: () => {},
}
const busy: RequestHandler = {
  async handle(request, connection) {
    if (!/^\/v1\/blobs\/[0-9a-f]+$/.test(new URL(request.url).pathname))
      return honest.handle(request, connection)
    const headers = { [PEER_HEADER]: toPeerHeader(known()), 'retry-after': '1', 'x-dfhf-reason': 'busy' }
    return new Response(null, { status: 503, headers })
  },
  close: () => honest.close(),
}
const handlers: Partial<Record<EvilMode, RequestHandler>> = { garbage, busy }
const server = startPeerServer({ handler: handlers[mode] ?? honest })
const discovery = new MulticastDiscovery({ self: known, onPeer: () => {}, onBye: () => {} })
discovery.start()
process.stdout.write(`port ${server.port}\n`)
