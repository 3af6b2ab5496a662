import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { silentLog } from '../../src/base/log.ts'
import type { BlobSource } from '../../src/blob/blob-source.ts'
import { isCommit, parseOid } from '../../src/blob/oid.ts'
import type { ByteRange } from '../../src/blob/pieces.ts'
import { UrlBlobSource } from '../../src/gateway/url-blob-source.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { PeerClient } from '../../src/swarm/client/peer-client.ts'
import { SwarmSession } from '../../src/swarm/client/swarm-session.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import { PEER_HEADER, toPeerHeader } from '../../src/swarm/protocol/peer-info.ts'
import { clientOf, varied } from '../hub/hub-fixture.ts'
import { startRawServer } from '../support/http/raw-server.ts'
import { peerId, samplePeer } from '../swarm/samples.ts'
import { content } from './content.ts'

/** The blob that all sources give. */
export const bytes = content(300_000)

/** Who may be asked for it; `commands` and the daemon make their sources of these. */
export type SourceKind = 'hub' | 'cdn' | 'url' | 'peer'

/** One request that reached the server of the bytes. */
export interface Ask {
  readonly socket: Socket
  readonly range: ByteRange
  /** The head of a response, with what every response of this kind of server carries. */
  head(status: number, headers?: Readonly<Record<string, string | number>>): string
}

/** Answers a range as a good server does. */
export function giveRange({ socket, range, head }: Ask): void {
  const part = bytes.subarray(range.start, range.end)
  socket.write(head(206, rangeHeaders(range)))
  socket.write(part)
}

/** What a 206 says of its bytes. */
export function rangeHeaders({ start, end }: ByteRange): Record<string, string | number> {
  return { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}`, 'content-length': end - start }
}

/** A source of the blob whose bytes come from a server that answers as told. */
export interface SourceBench extends AsyncDisposable {
  readonly source: Pick<BlobSource, 'open'>
  /** Ranges that the server was asked for. */
  readonly asked: ByteRange[]
  /** Connections to it that are open. */
  connections(): number
}

/** Starts a server and makes the source that a process would ask it with. */
export async function sourceBench(kind: SourceKind, answer: (ask: Ask) => void): Promise<SourceBench> {
  const stack = new AsyncDisposableStack()
  const asked: ByteRange[] = []
  let always: Record<string, string> = {}
  const server = await startRawServer((socket, request) => {
    const [, first, last] = /^range: bytes=(\d+)-(\d+)/im.exec(request) ?? []
    const range = first ? { start: Number(first), end: Number(last) + 1 } : { start: 0, end: bytes.length }
    asked.push(range)
    const head: Ask['head'] = (status, headers = {}) => {
      const lines = Object.entries({ ...always, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
      return `HTTP/1.1 ${status} X\r\n${lines.join('')}\r\n`
    }
    answer({ socket, range, head })
  })
  stack.use(server)
  const { source, headers } = await makers[kind](new URL(server.url), stack)
  always = headers
  return {
    source,
    asked,
    connections: () => server.connections,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const { length: size } = bytes
const oid = parseOid(createHash('sha256').update(bytes).digest('hex'))
const commit = 'c'.repeat(40)
if (!isCommit(commit)) throw new Error(`${commit} is no commit`)
const file = { commit, path: 'model.bin', oid, size }

type Maker = (
  server: URL,
  stack: AsyncDisposableStack,
) => Promise<{
  readonly source: Pick<BlobSource, 'open'>
  /** What every response of such a server carries. */
  readonly headers: Record<string, string>
}>

const makers: Readonly<Record<SourceKind, Maker>> = {
  async hub(server, stack) {
    const client = stack.use(clientOf(server.origin))
    return { source: client.openSource(varied, file), headers: {} }
  },

  async cdn(server, stack) {
    const front = await startRawServer((socket) => {
      socket.write(`HTTP/1.1 302 Found\r\nlocation: ${server}signed\r\ncontent-length: 0\r\n\r\n`)
    })
    stack.use(front)
    const client = stack.use(clientOf(front.url.replace('127.0.0.1', 'localhost')))
    return { source: client.openSource(varied, file), headers: {} }
  },

  async url(server, stack) {
    const http = stack.use(createHttpClient())
    return { source: new UrlBlobSource(http, { url: server, size, mayFollow: () => false }), headers: {} }
  },

  async peer(server, stack) {
    const http = stack.use(createHttpClient())
    const peer = samplePeer(1, { addresses: [server.hostname], port: Number(server.port) })
    const now = () => performance.now()
    const membership = new Membership({ selfId: peerId(0), clusterFingerprint: undefined, now })
    membership.heard(peer, 'direct')
    const client = new PeerClient({ http, self: () => samplePeer(0) })
    const node = { selfId: peerId(0), searched: Promise.resolve(), membership, client, log: silentLog }
    const session = new SwarmSession(
      { ...node, onJoin: () => () => {} },
      { oid, size, place: async () => undefined },
    )
    stack.defer(() => session.close())
    return {
      source: { open: (range, { signal }) => session.open(peer.id, range, signal) },
      headers: { [PEER_HEADER]: toPeerHeader(peer) },
    }
  },
}
