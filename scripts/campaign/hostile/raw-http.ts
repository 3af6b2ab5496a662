import type { Socket, TCPSocketListener } from 'bun'

/** One request, and full control of every byte that answers it. */
export interface Exchange {
  readonly method: string
  readonly target: string
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** The request as it came. */
  readonly text: string
  readonly from: string
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal
  /** Writes at the socket's pace; false when the client is gone. */
  write(bytes: Uint8Array | string): Promise<boolean>
  destroy(): void
}

/** Answers one request; the connection takes the next one when it resolves to true, else it closes. */
export type RawHandler = (exchange: Exchange) => Promise<boolean>

/** A server of HTTP/1.1 that sends exactly the bytes of its handler, valid or not. */
export interface RawServer extends Disposable {
  readonly port: number
}

const MAX_HEAD = 65_536

class RawConnection {
  readonly gone = new AbortController()
  readonly #socket: Socket<RawConnection>
  readonly #handler: RawHandler
  #text = ''
  #isAnswering = false
  #drained: (() => void) | undefined

  constructor(socket: Socket<RawConnection>, handler: RawHandler) {
    this.#socket = socket
    this.#handler = handler
  }

  received(bytes: Uint8Array): void {
    if (this.#text.length < MAX_HEAD) this.#text += Buffer.from(bytes).toString('latin1')
    void this.#answer()
  }

  drained(): void {
    this.#drained?.()
  }

  closed(): void {
    this.gone.abort()
    this.#drained?.()
  }

  async write(bytes: Uint8Array | string): Promise<boolean> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes
    for (let written = 0; written < buffer.length; ) {
      if (this.gone.signal.aborted) return false
      const taken = this.#socket.write(buffer, written, buffer.length - written)
      if (taken < 0) return false
      written += taken
      if (written >= buffer.length) break
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    }
    return !this.gone.signal.aborted
  }

  async #answer(): Promise<void> {
    const end = this.#text.indexOf('\r\n\r\n')
    if (this.#isAnswering || end < 0) return
    this.#isAnswering = true
    const head = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 4)
    const keeps = await this.#handler(this.#exchange(head)).catch(() => false)
    this.#isAnswering = false
    if (!keeps) this.#socket.end()
    else void this.#answer()
  }

  #exchange(head: string): Exchange {
    const [first = '', ...lines] = head.split('\r\n')
    const [method = '', target = ''] = first.split(' ')
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      }),
    )
    return {
      method,
      target,
      headers,
      text: head,
      from: this.#socket.remoteAddress.replace('::ffff:', ''),
      signal: this.gone.signal,
      write: (bytes) => this.write(bytes),
      destroy: () => this.#socket.terminate(),
    }
  }
}

/** Listens on any free port of an address. */
export function listenRaw(host: string, handler: RawHandler): RawServer {
  const connections = new Set<RawConnection>()
  const server: TCPSocketListener<RawConnection> = Bun.listen<RawConnection>({
    hostname: host,
    port: 0,
    socket: {
      open(socket) {
        socket.data = new RawConnection(socket, handler)
        connections.add(socket.data)
      },
      data: (socket, bytes) => socket.data.received(bytes),
      drain: (socket) => socket.data.drained(),
      close(socket) {
        connections.delete(socket.data)
        socket.data.closed()
      },
      error: (socket) => socket.data.closed(),
    },
  })
  return {
    port: server.port,
    [Symbol.dispose]() {
      server.stop(true)
      for (const connection of connections) connection.closed()
    },
  }
}
