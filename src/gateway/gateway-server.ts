import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DfhfError, isAbort, isOfClass, systemCode } from '../base/errors.ts'
import { type Log, silentLog } from '../base/log.ts'
import { isLoopbackAddress } from '../base/loopback.ts'
import { plainAddress } from '../base/plain-address.ts'
import { discardReply, type GatewayRequest, isFileBody, type Reply } from './message.ts'
import { leaving, refusalOf } from './refusal.ts'
import { sendFile, sendStream } from './send-body.ts'

const MAX_HEADER_SIZE = 2 ** 16
const MAX_CONNECTIONS = 4096
/** How long a client may take to send its headers. */
const HEADERS_TIMEOUT_MS = 30_000
/** Clients that ask again do so at once; a connection that is idle for longer only holds a place. */
const KEEP_ALIVE_MS = 20_000
/** Connections of one other machine at once. */
const MAX_CONNECTIONS_PER_ADDRESS = 256

/** What answers the requests that a server receives. */
export interface GatewayHandler {
  handle(request: GatewayRequest): Promise<Reply>
  /** Takes over the socket of a CONNECT request. */
  connect(request: ConnectRequest): Promise<void>
}

/** A CONNECT request with its socket. */
export interface ConnectRequest {
  /** The server that the client wants to be connected with, as `host:port`. */
  readonly authority: string
  readonly socket: Duplex
  /** Bytes that came with the request. */
  readonly head: Uint8Array
  /** The IP address that the request came from. */
  readonly address: string
  /** Aborts when the gateway stops. */
  readonly signal: AbortSignal
}

/** Where to listen and what answers. */
export interface GatewayServerOptions {
  readonly handler: GatewayHandler
  readonly host: string | undefined
  /** 0 lets the system choose. */
  readonly port: number
  /** The flag that names the address, for the error when it cannot be had. @default '--gateway' */
  readonly flag?: '--gateway' | '--metrics'
  readonly log?: Log | undefined
  /** Told the status of each reply. */
  readonly onReply?: ((status: number) => void) | undefined
}

/**
 * The gateway's socket. It is node:http and not Bun.serve, because only that hands over the socket of a CONNECT; a
 * relay in front of Bun.serve would copy every byte twice more.
 */
export class GatewayServer implements AsyncDisposable {
  readonly #server: Server
  readonly #log: Log
  readonly #handler: GatewayHandler
  readonly #onReply: (status: number) => void
  readonly #stop = new AbortController()
  readonly #open = new Set<Promise<void>>()
  readonly #sockets = new Set<Socket>()
  #isStopping = false

  private constructor(options: GatewayServerOptions) {
    this.#handler = options.handler
    this.#onReply = options.onReply ?? (() => {})
    this.#log = options.log ?? silentLog
    this.#server = createServer({
      maxHeaderSize: MAX_HEADER_SIZE,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // A body may take any time.
      requestTimeout: 0,
    })
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.on('connection', (socket) => {
      // Bun emits this event once for each request.
      if (this.#sockets.has(socket)) return
      const address = plainAddress(socket.remoteAddress ?? '')
      const others = [...this.#sockets].filter((each) => each.remoteAddress === socket.remoteAddress)
      if (!isLoopbackAddress(address) && others.length >= MAX_CONNECTIONS_PER_ADDRESS) {
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('request', (incoming, response) => this.#track(this.#answer(incoming, response)))
    this.#server.on('connect', (incoming, socket, head) => this.#track(this.#connect(incoming, socket, head)))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Binds the port. Throws `usage` when it cannot be had. */
  static async listen(options: GatewayServerOptions): Promise<GatewayServer> {
    if (options.host !== undefined) return GatewayServer.#bind(options)
    try {
      return await GatewayServer.#bind({ ...options, host: '::' })
    } catch (error) {
      // This host has no IPv6.
      if (error instanceof DfhfError && systemCode(error.cause) === 'EADDRINUSE') throw error
      return GatewayServer.#bind({ ...options, host: '0.0.0.0' })
    }
  }

  static async #bind(options: GatewayServerOptions): Promise<GatewayServer> {
    const gateway = new GatewayServer(options)
    const at = `${options.host ?? ''}, port ${options.port}`
    const { flag = '--gateway' } = options
    await new Promise<void>((resolve, reject) => {
      gateway.#server.once('error', (cause) =>
        reject(
          new DfhfError('usage', `cannot listen on ${at}: ${systemCode(cause) ?? String(cause)}`, {
            hint: `choose another address with ${flag} [host:]port${flag === '--gateway' ? ', or --gateway off' : ''}`,
            cause,
          }),
        ),
      )
      gateway.#server.listen({ port: options.port, host: options.host }, resolve)
    })
    return gateway
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Requests being answered now. */
  get active(): number {
    return this.#open.size
  }

  /** Lets what is being answered now end within `graceMs`; gives the number of requests that did not. */
  async drain(graceMs: number): Promise<number> {
    const before = [...this.#open]
    if (graceMs > 0 && before.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, graceMs)
      await Promise.race([promise, Promise.allSettled(before)])
      clearTimeout(timer)
    }
    return before.filter((work) => this.#open.has(work)).length
  }

  /** Takes no new connections, lets what is being sent end within `graceMs`, then cuts it. */
  async close(graceMs = 0): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true
      this.#server.close()
    }
    await this.drain(graceMs)
    this.#stop.abort()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.closeAllConnections()
    await Promise.allSettled([...this.#open])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#open.delete(tracked))
    this.#open.add(tracked)
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#stop.signal])
    const request: GatewayRequest = {
      method: incoming.method ?? 'GET',
      target: incoming.url ?? '/',
      headers: headersOf(incoming),
      body: incoming,
      address: plainAddress(incoming.socket.remoteAddress ?? ''),
      localAddress: plainAddress(incoming.socket.localAddress ?? ''),
      signal,
    }
    let reply: Reply
    try {
      reply = this.#isStopping ? leaving() : await this.#handler.handle(request)
    } catch (error) {
      if (gone.signal.aborted) return
      this.#logFailure(request, error)
      reply = isAbort(error) ? leaving() : refusalOf(error)
    }
    // A refused client's body is not read, as Bun would gather it in memory; so the connection cannot be used again.
    const isCut = !incoming.complete
    if (isCut) response.once('finish', () => incoming.destroy())
    const told: Reply = isCut ? { ...reply, headers: [...reply.headers, ['Connection', 'close']] } : reply
    await this.#send(request, told, response, gone.signal)
  }

  /** Logs a failed request; as a warning only for bugs, wrong bytes and the disk, since HubCircuit tells of a Hub that fails. */
  #logFailure({ method, target }: GatewayRequest, error: unknown): void {
    if (isAbort(error)) return
    const isKnown = error instanceof DfhfError
    const reason = error instanceof Error ? (isKnown ? error.message : error.stack) : String(error)
    const line = `cannot answer ${method} ${pathOf(target)}: ${reason}`
    if (isKnown && !isOfClass(error, 'corrupt', 'disk')) this.#log.debug(line)
    else this.#log.warn(line)
  }

  async #send(
    request: GatewayRequest,
    reply: Reply,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const { status, headers, body } = reply
    this.#onReply(status)
    if (gone.aborted) return discardReply(reply)
    try {
      response.writeHead(status, headers.flat())
      if (body === undefined || request.method === 'HEAD') {
        await discardReply(reply)
        response.end()
      } else if (body instanceof Uint8Array) response.end(body)
      else {
        response.flushHeaders()
        if (isFileBody(body)) await sendFile(response, body)
        else await sendStream(response, body)
        response.end()
      }
    } catch (error) {
      if (!gone.aborted)
        this.#log.warn(
          `broke off the answer to ${request.method} ${pathOf(request.target)}: ${error instanceof Error ? error.message : String(error)}`,
        )
      response.destroy()
    }
  }

  async #connect(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<void> {
    socket.on('error', () => socket.destroy())
    try {
      await this.#handler.connect({
        authority: incoming.url ?? '',
        socket,
        head,
        address: plainAddress(incoming.socket.remoteAddress ?? ''),
        signal: this.#stop.signal,
      })
    } catch (error) {
      this.#log.debug(`a tunnel failed: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      socket.destroy()
    }
  }
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined) headers.append(name, each)
  }
  return headers
}

/** The part of a target that may stand in a log. */
function pathOf(target: string): string {
  return target.replace(/\?.*$/s, '?…').slice(0, 300)
}
