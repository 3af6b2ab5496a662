import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

/** A server below HTTP, for answers that no HTTP server would give. */
export interface RawServer extends AsyncDisposable {
  readonly url: string
  /** The most connections that were open at once. */
  readonly highestConnections: number
  readonly connections: number
}

/** Starts a server that hands each request's head to `answer`; with a certificate it speaks TLS. */
export async function startRawServer(
  answer: (socket: Socket, head: string) => void,
  certificate?: { readonly cert: string; readonly key: string },
): Promise<RawServer> {
  const sockets = new Set<Socket>()
  let highestConnections = 0
  const take = (socket: Socket) => {
    sockets.add(socket)
    highestConnections = Math.max(highestConnections, sockets.size)
    let received = ''
    socket.on('data', (data) => {
      received += data.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = received.slice(0, end)
      received = received.slice(end + 4)
      answer(socket, head)
    })
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  const server = certificate ? createTlsServer({ ...certificate }, take) : createServer(take)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get highestConnections() {
      return highestConnections
    },
    get connections() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
