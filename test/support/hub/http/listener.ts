import type { TCPSocketListener } from 'bun'
import { Connection, type Handler } from './connection.ts'

/** Where to listen; port 0 picks one, which a restart then keeps. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** A small HTTP/1.1 server that hands bytes straight to the socket, so that it can count, cut and stall exactly. */
export class HttpListener {
  readonly #options: ListenOptions
  readonly #handler: Handler
  readonly #connections = new Set<Connection>()
  #server: TCPSocketListener<Connection> | undefined
  #port: number
  highestConnections = 0

  constructor(options: ListenOptions, handler: Handler) {
    this.#options = options
    this.#handler = handler
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Starts listening; after a stop, on the same port again. */
  start(): void {
    if (this.#server) return
    const { host, tls } = this.#options
    this.#server = Bun.listen<Connection>({
      hostname: host,
      port: this.#port,
      ...(tls && { tls }),
      socket: {
        open: (socket) => this.#open(socket),
        data: (socket, bytes) => socket.data.received(bytes),
        drain: (socket) => socket.data.drained(),
        close: (socket) => this.#close(socket.data),
        error: (socket) => this.#close(socket.data),
      },
    })
    this.#port = this.#server.port
  }

  /** Stops listening and breaks every connection. */
  stop(): void {
    this.#server?.stop(true)
    this.#server = undefined
    for (const connection of this.#connections) connection.hangUp(true)
  }

  #open(socket: Parameters<NonNullable<Bun.SocketHandler<Connection>['open']>>[0]): void {
    socket.data = new Connection(socket, this.#handler)
    socket.setNoDelay(true)
    this.#connections.add(socket.data)
    this.highestConnections = Math.max(this.highestConnections, this.#connections.size)
    void socket.data.serve()
  }

  #close(connection: Connection): void {
    this.#connections.delete(connection)
    connection.closed()
  }
}
