import { randomBytes } from 'node:crypto'
import { type ByteRange, pieceCountOf, pieceSizeOf } from '../../../src/blob/pieces.ts'
import type { SecretWatch } from '../secret-watch.ts'
import type { Truth } from '../truth.ts'
import { type Exchange, listenRaw, type RawServer } from './raw-http.ts'

/** What a hostile peer knows of the world it is in. */
export interface Surroundings {
  readonly host: string
  readonly truth: Truth
  readonly watch: SecretWatch
  /** Looks for private bytes in what came to the peer. */
  readonly inspect: (bytes: Uint8Array, where: string) => void
  /** Aborts at the end of the run. */
  readonly signal: AbortSignal
  /** Where honest peers listen, `host:port`. */
  readonly honest: () => readonly string[]
}

/** The blob that a request is about. */
export interface BlobRequest {
  readonly exchange: Exchange
  readonly oid: string
  readonly bytes: Uint8Array
}

/** How a peer departs from an honest one; where a handler is absent it behaves honestly. */
export interface Conduct {
  readonly id?: string
  /** Changes the first message of a pieces stream. */
  readonly document?: (document: Record<string, unknown>, bytes: Uint8Array) => Record<string, unknown>
  /** What follows the first message, until the watcher is gone. */
  readonly follow?: (request: BlobRequest) => Promise<void>
  /** Answers a range; resolves to undefined where it leaves that to the honest way. */
  readonly range?: (
    request: BlobRequest & { readonly range: ByteRange; readonly peer: HostilePeer },
  ) => Promise<boolean | undefined>
  /** Sees each request first; resolves to undefined where the other handlers are to answer it. */
  readonly request?: (exchange: Exchange, peer: HostilePeer) => Promise<boolean | undefined>
  /** The peers that it tells of. */
  readonly peers?: () => readonly Record<string, unknown>[]
  /** More of what it says of itself. */
  readonly self?: Readonly<Record<string, unknown>>
  /** Runs beside the server. */
  readonly act?: (peer: HostilePeer, around: Surroundings) => Promise<void>
}

/** A peer of dfhf's API in an attacker's hands; all that it is told is watched for secrets. */
export class HostilePeer implements Disposable {
  readonly id: string
  readonly address: string
  /** How many requests came. */
  requests = 0
  readonly #conduct: Conduct
  readonly #around: Surroundings
  readonly #server: RawServer

  constructor(conduct: Conduct, around: Surroundings) {
    this.id = conduct.id ?? randomBytes(8).toString('hex')
    this.#conduct = conduct
    this.#around = around
    this.#server = listenRaw(around.host, (exchange) => this.#answer(exchange))
    this.address = `${around.host}:${this.#server.port}`
    void conduct.act?.(this, around).catch(() => {})
  }

  /** What it says of itself. */
  self(): Record<string, unknown> {
    const { host } = this.#around
    return {
      id: this.id,
      name: 'tv',
      addresses: [host],
      port: this.#server.port,
      version: '0.1.0',
      role: 'serve',
      ...this.#conduct.self,
    }
  }

  /** The header lines with which a peer introduces itself. */
  introduction(): Record<string, string> {
    return { 'x-dfhf-peer': encodeURIComponent(JSON.stringify(this.self())), 'x-dfhf-load': '0/10' }
  }

  /** Writes a status line and headers. */
  head(
    exchange: Exchange,
    status: number,
    headers: Readonly<Record<string, string | number>> = {},
  ): Promise<boolean> {
    const all = Object.entries({ ...this.introduction(), ...headers })
    return exchange.write(
      `HTTP/1.1 ${status} Status\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    )
  }

  /** The head of a 206. */
  partialHead(exchange: Exchange, range: ByteRange, size: number): Promise<boolean> {
    const { start, end } = range
    return this.head(exchange, 206, {
      'content-length': end - start,
      'content-range': `bytes ${start}-${end - 1}/${size}`,
    })
  }

  async json(exchange: Exchange, value: unknown): Promise<boolean> {
    const text = JSON.stringify(value)
    await this.head(exchange, 200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    return exchange.write(text)
  }

  async refuse(exchange: Exchange, status: number, reason: string): Promise<boolean> {
    return this.head(exchange, status, {
      'content-length': 0,
      'x-dfhf-reason': reason,
      ...(status === 503 && { 'retry-after': 1 }),
    })
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]()
  }

  async #answer(exchange: Exchange): Promise<boolean> {
    this.requests += 1
    this.#around.watch.lookAsStranger(exchange.text, `hostile peer ${this.address}`)
    const answered = await this.#conduct.request?.(exchange, this)
    if (answered !== undefined) return answered
    const [path = ''] = exchange.target.split('?')
    if (path === '/healthz') return this.json(exchange, { ok: true })
    if (path === '/v1/peers')
      return this.json(exchange, { v: 1, self: this.self(), peers: this.#conduct.peers?.() ?? [] })
    if (path === '/v1/bye') return this.json(exchange, {})
    const [, oid = '', part] = /^\/v1\/blobs\/([0-9a-f]+)(?:\/(pieces|digests))?$/.exec(path) ?? []
    const bytes = this.#around.truth.blob(oid)
    if (!bytes || part === 'digests') return this.refuse(exchange, 404, 'not here')
    return part === 'pieces' ? this.#pieces({ exchange, oid, bytes }) : this.#range({ exchange, oid, bytes })
  }

  async #pieces(request: BlobRequest): Promise<boolean> {
    const { exchange, oid, bytes } = request
    const document = {
      v: 1,
      oid,
      peer: this.id,
      load: { active: 0, limit: 10 },
      size: bytes.length,
      pieceSize: pieceSizeOf(bytes.length),
      complete: true,
      have: 'all',
      fetching: [],
      digests: {},
      asksHub: false,
    }
    await this.head(exchange, 200, { 'content-type': 'application/x-ndjson', connection: 'close' })
    await exchange.write(`${JSON.stringify(this.#conduct.document?.(document, bytes) ?? document)}\n`)
    await (this.#conduct.follow ?? heartbeat)(request)
    return false
  }

  async #range(request: BlobRequest): Promise<boolean> {
    const { exchange, bytes } = request
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(exchange.headers.get('range') ?? '') ?? []
    const range = { start: Number(first ?? 0), end: last === undefined ? bytes.length : Number(last) + 1 }
    if (range.start >= range.end || range.end > bytes.length)
      return this.refuse(exchange, 416, 'no such range')
    const answered = await this.#conduct.range?.({ ...request, range, peer: this })
    if (answered !== undefined) return answered
    await this.partialHead(exchange, range, bytes.length)
    return exchange.write(bytes.subarray(range.start, range.end))
  }
}

/** A bitmap without any piece of a blob. */
export function noPieces(bytes: Uint8Array): string {
  return Buffer.alloc(Math.ceil(pieceCountOf(bytes.length) / 8)).toString('base64')
}

/** The index of every piece of a blob. */
export function allPieces(bytes: Uint8Array): number[] {
  return Array.from({ length: pieceCountOf(bytes.length) }, (_, index) => index)
}

/** Says every two seconds that it is alive. */
async function heartbeat({ exchange }: BlobRequest): Promise<void> {
  while (await exchange.write(`${JSON.stringify({ load: { active: 0, limit: 10 } })}\n`))
    await pauseFor(exchange.signal, 2000)
}

/** Waits; shorter when the signal aborts. */
export function pauseFor(signal: AbortSignal, ms: number): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
