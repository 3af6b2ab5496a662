import { randomBytes } from 'node:crypto'
import { type Conduct, type HostilePeer, pauseFor, type Surroundings } from './hostile-peer.ts'

/** Opens connections that ask for a blob and never read, from several addresses. */
async function hold(oids: readonly string[], around: Surroundings): Promise<void> {
  const [oid = ''] = oids
  const sockets = new Set<{ end(): void }>()
  around.signal.addEventListener('abort', () => {
    for (const socket of sockets) socket.end()
  })
  while (!around.signal.aborted) {
    for (const address of around.honest()) {
      const [hostname = '', port = ''] = address.split(':')
      for (let count = 0; count < 12 && sockets.size < 200; count += 1)
        await holdOne({ hostname, port: Number(port) }, oid, sockets)
    }
    await pauseFor(around.signal, 500)
  }
}

async function holdOne(
  to: { readonly hostname: string; readonly port: number },
  oid: string,
  sockets: Set<{ end(): void }>,
): Promise<void> {
  await Bun.connect({
    ...to,
    socket: {
      open(socket) {
        sockets.add(socket)
        socket.write(`GET /v1/blobs/${oid} HTTP/1.1\r\nHost: x\r\n\r\n`)
      },
      data: (socket) => socket.pause(),
      close: (socket) => void sockets.delete(socket),
      error: (socket) => void sockets.delete(socket),
    },
  }).catch(() => {})
}

/** Asks the honest peers again and again in a name that is not its own. */
async function pretend(
  around: Surroundings,
  header: (address: string) => Promise<string | undefined>,
): Promise<void> {
  while (!around.signal.aborted) {
    for (const address of around.honest()) {
      const contact = await header(address)
      if (contact === undefined) continue
      for (const path of ['/v1/peers', '/v1/bye'])
        await fetch(`http://${address}${path}`, {
          method: path === '/v1/bye' ? 'POST' : 'GET',
          headers: { 'x-dfhf-peer': contact },
          signal: AbortSignal.any([around.signal, AbortSignal.timeout(2000)]),
        }).then(
          (answer) => answer.arrayBuffer(),
          () => {},
        )
    }
    await pauseFor(around.signal, 200)
  }
}

/** What an honest peer says of itself; undefined when it cannot be asked. */
export async function contactOf(
  address: string,
  signal: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]) }
  try {
    const answer = await fetch(`http://${address}/healthz`, options)
    await answer.arrayBuffer()
    return JSON.parse(decodeURIComponent(answer.headers.get('x-dfhf-peer') ?? '')) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** Peers that lie about the ids and addresses of peers. */
export const identityConducts = {
  /** Takes the upload places of the honest peers and never reads. */
  holder: (oids: readonly string[]): readonly Conduct[] => [{ act: (_, around) => hold(oids, around) }],
  /** Introduces itself to each honest peer as another one, says goodbye in its name, and sends wrong bytes under it. */
  spoofer: (): readonly Conduct[] => {
    let stolen: string | undefined
    return [
      {
        act: (_, around) =>
          pretend(around, async (address) => {
            const others = around.honest().filter((other) => other !== address)
            const other = others[0] === undefined ? undefined : await contactOf(others[0], around.signal)
            if (!other) return undefined
            stolen = encodeURIComponent(JSON.stringify(other))
            return stolen
          }),
        async range({ exchange, bytes, range, peer }) {
          const length = range.end - range.start
          const headers = {
            'content-length': length,
            'content-range': `bytes ${range.start}-${range.end - 1}/${bytes.length}`,
          }
          await peer.head(exchange, 206, {
            ...headers,
            ...(stolen !== undefined && { 'x-dfhf-peer': stolen }),
          })
          return exchange.write(new Uint8Array(length).fill(0x44))
        },
      },
    ]
  },
  /** Invents peers: hundreds in its listing, and more that introduce themselves. */
  gossip: (): readonly Conduct[] => {
    const invented = () => ({
      id: randomBytes(8).toString('hex'),
      name: 'ghost',
      addresses: [`127.${randomBytes(1)[0]}.${randomBytes(1)[0]}.9`],
      port: 9,
      version: '0.1.0',
      role: 'serve',
    })
    return [
      {
        peers: () => Array.from({ length: 256 }, () => ({ ...invented(), ageMs: 0 })),
        document: (document) => ({ ...document, members: Array.from({ length: 64 }, invented) }),
        act: (_, around) => pretend(around, async () => encodeURIComponent(JSON.stringify(invented()))),
        range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'busy'),
      },
    ]
  },
  /** Tells of honest peers at its own address. */
  misleads: (): readonly Conduct[] => {
    let others: readonly Record<string, unknown>[] = []
    return [
      {
        peers: () => others,
        async act(peer: HostilePeer, around: Surroundings) {
          while (!around.signal.aborted) {
            const found = await Promise.all(
              around.honest().map((address) => contactOf(address, around.signal)),
            )
            const { addresses, port } = peer.self()
            others = found.flatMap((other) => (other ? [{ ...other, addresses, port, ageMs: 0 }] : []))
            await pauseFor(around.signal, 300)
          }
        },
        range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'busy'),
      },
    ]
  },
  /** Claims to fetch for others, so that it is told what the victims want and where that is. */
  fetcher: (): readonly Conduct[] => [
    {
      self: { fetchesForPeers: true },
      range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'not here yet'),
    },
  ],
}
