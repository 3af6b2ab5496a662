import { connect, type Socket } from 'node:net'

/** A request as it goes over the wire; nothing is followed, decoded or tried again. */
export interface GetOptions {
  /** `host:port` to connect to. */
  readonly to: string
  /** Path, or an absolute URL for a proxy. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Gets each part of the body; `offset` counts from the body's first byte. */
  readonly onBytes?: (bytes: Uint8Array, offset: number) => void
  /** Most bytes of the body to read. @default all */
  readonly atMost?: number
}

/** What came. */
export interface GetResult {
  /** 0 when no head came. */
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly size: number
  /** Whether the body came to its announced end. */
  readonly isComplete: boolean
}

/** One GET over a connection of its own, read byte by byte as it comes. */
export async function httpGet(options: GetOptions): Promise<GetResult> {
  const { to, target, headers = {}, signal, onBytes, atMost = Number.POSITIVE_INFINITY } = options
  const [host = '', port = ''] = to.split(':')
  const socket = connect({ host, port: Number(port) })
  const abort = () => void socket.destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    if (signal.aborted) return nothing
    const lines = Object.entries({ host: to, connection: 'close', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    )
    socket.write(`GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
    return await read(socket, onBytes, atMost)
  } catch {
    return nothing
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

const nothing: GetResult = { status: 0, headers: new Map(), size: 0, isComplete: false }

async function read(socket: Socket, onBytes: GetOptions['onBytes'], atMost: number): Promise<GetResult> {
  let head: Buffer = Buffer.alloc(0)
  let result = nothing
  let body: Body | undefined
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      let rest = chunk
      if (!body) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) continue
        result = { ...result, ...parseHead(head.subarray(0, end).toString('latin1')) }
        body = new Body(result.headers, onBytes)
        rest = head.subarray(end + 4)
      }
      body.push(rest)
      if (body.isOver || body.size >= atMost) break
    }
  } catch {
    // Cut: what came so far counts.
  }
  if (!body) return result
  return { ...result, size: body.size, isComplete: body.isOver || body.endsAtClose }
}

/** Counts a body, chunked or of a known length. */
class Body {
  size = 0
  readonly endsAtClose: boolean
  readonly #length: number | undefined
  readonly #isChunked: boolean
  readonly #onBytes: GetOptions['onBytes']
  #text: Buffer = Buffer.alloc(0)
  #inChunk = 0
  #hasEnded = false

  constructor(headers: ReadonlyMap<string, string>, onBytes: GetOptions['onBytes']) {
    const length = headers.get('content-length')
    this.#isChunked = /chunked/i.test(headers.get('transfer-encoding') ?? '')
    this.#length = length === undefined || this.#isChunked ? undefined : Number(length)
    this.endsAtClose = !this.#isChunked && this.#length === undefined
    this.#onBytes = onBytes
  }

  get isOver(): boolean {
    return this.#hasEnded || (this.#length !== undefined && this.size >= this.#length)
  }

  push(bytes: Buffer): void {
    if (this.#isChunked) this.#takeChunks(bytes)
    else this.#take(bytes)
  }

  #takeChunks(bytes: Buffer): void {
    this.#text = Buffer.concat([this.#text, bytes])
    while (!this.#hasEnded) {
      if (this.#inChunk === 0 && !this.#nextChunk()) return
      const part = this.#text.subarray(0, this.#inChunk)
      if (part.length === 0) return
      this.#take(part)
      this.#inChunk -= part.length
      this.#text = this.#text.subarray(part.length)
    }
  }

  /** Reads a chunk's size line; false while it is not there as a whole. */
  #nextChunk(): boolean {
    const [whole, digits = ''] =
      /^(?:\r\n)?([0-9a-fA-F]+)[^\n]*\n/.exec(this.#text.subarray(0, 100).toString('latin1')) ?? []
    if (whole === undefined) return false
    this.#text = this.#text.subarray(whole.length)
    this.#inChunk = Number.parseInt(digits, 16)
    this.#hasEnded = this.#inChunk === 0
    return !this.#hasEnded
  }

  #take(bytes: Buffer): void {
    if (bytes.length > 0) this.#onBytes?.(bytes, this.size)
    this.size += bytes.length
  }
}

function parseHead(text: string): { status: number; headers: Map<string, string> } {
  const [first = '', ...lines] = text.split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { status: Number(first.split(' ')[1] ?? 0), headers: new Map(headers) }
}
