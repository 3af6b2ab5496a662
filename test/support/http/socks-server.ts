import { connect, createServer, type Socket } from 'node:net'

/** A SOCKS 5 proxy on loopback (RFC 1928, 1929) that notes what it was asked for. */
export interface SocksServer extends AsyncDisposable {
  readonly host: string
  /** `host:port` of each connection that was asked for. */
  readonly targets: readonly string[]
}

/** Starts it. Names in `hosts` are looked up there, as names that only the proxy's network knows. */
export async function startSocksServer(
  options: {
    readonly credentials?: string
    readonly hosts?: Readonly<Record<string, string>>
    /** Refuses every connection: 5 is "connection refused". */
    readonly refuse?: number
  } = {},
): Promise<SocksServer> {
  const targets: string[] = []
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  const server = createServer((client) => {
    keep(client)
    serve(client, options, targets, keep).catch(() => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    host: `127.0.0.1:${port}`,
    targets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function serve(
  client: Socket,
  options: Parameters<typeof startSocksServer>[0] & object,
  targets: string[],
  keep: (socket: Socket) => void,
): Promise<void> {
  const { credentials, hosts = {}, refuse } = options
  const read = reader(client)
  const methods = await read((await read(2))[1] ?? 0)
  const method = credentials === undefined ? 0 : 2
  if (!methods.includes(method)) {
    client.end(Buffer.from([5, 255]))
    return
  }
  client.write(Buffer.from([5, method]))
  if (method === 2) {
    const user = await read((await read(2))[1] ?? 0)
    const password = await read((await read(1))[0] ?? 0)
    const isGood = `${user}:${password}` === credentials
    client.write(Buffer.from([1, isGood ? 0 : 1]))
    if (!isGood) {
      client.end()
      return
    }
  }
  const kind = (await read(4))[3]
  const host = kind === 1 ? (await read(4)).join('.') : String(await read((await read(1))[0] ?? 0))
  const port = (await read(2)).readUInt16BE()
  targets.push(`${host}:${port}`)
  const reply = (code: number) => Buffer.from([5, code, 0, 1, 127, 0, 0, 1, 0, 0])
  if (refuse !== undefined) {
    client.end(reply(refuse))
    return
  }
  const target = connect(port, hosts[host] ?? host, () => {
    client.write(reply(0))
    client.pipe(target)
    target.pipe(client)
  })
  keep(target)
  target.on('close', () => client.destroy())
  client.on('close', () => target.destroy())
}

/** Reads so many bytes, as they come. */
function reader(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    for (;;) {
      if (count === 0) return Buffer.alloc(0)
      const bytes: Buffer | null = socket.read(count)
      if (bytes) return bytes
      await new Promise<void>((resolve, reject) => {
        socket.once('readable', resolve)
        socket.once('close', () => reject(new Error('closed')))
      })
    }
  }
}
