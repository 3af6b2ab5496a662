import { DfhfError, systemCode } from '../base/errors.ts'
import { type Log, silentLog } from '../base/log.ts'
import { plainAddress } from '../base/plain-address.ts'
import { PEER_PORT } from '../swarm/protocol/peer-port.ts'
import { busy } from '../swarm/protocol/peer-reply.ts'
import type { Connection } from '../swarm/server/upload-ledger.ts'
import { SocketBound } from './socket-bound.ts'

const MAX_REQUEST_BODY = 2 ** 16
/**
 * A connection on which nothing moves for so many seconds is closed: one that asked once and idles, one that never asks,
 * and one that takes an upload's place and does not read. Honest peers stall for less, and ask again.
 */
const IDLE_SECONDS = 15
/** How long a polite close waits for what is being sent, unless told otherwise, in ms. Strangers may hold uploads. */
const CLOSE_MS = 5_000

/** What answers the requests of peers. */
export interface RequestHandler {
  handle(request: Request, connection: Connection): Promise<Response>
  /** Names this process in a reply that the server makes itself. */
  introduce?(response: Response): Response
  /** Ends what is held open, politely. */
  close(): void
}

/** A certificate and its key, as PEM. */
export interface TlsTexts {
  readonly certificate: string
  readonly privateKey: string
}

export interface PeerServerOptions {
  readonly handler: RequestHandler
  /** The address to listen on; default: all, IPv6 and IPv4. */
  readonly host?: string | undefined
  /** 0 lets the system choose. @default PEER_PORT */
  readonly port?: number | undefined
  /** How many ports after `port` may be tried when it is taken: a short-lived process takes the next free one. @default 0 */
  readonly nextPorts?: number
  /** PEM texts; with them the peer API speaks TLS only. */
  readonly tls?: TlsTexts | undefined
  readonly log?: Log
  /** @default 15 */
  readonly idleSeconds?: number
}

/** How to close. */
export interface CloseOptions {
  /** Cuts what is being sent. */
  readonly isNow?: boolean
  /** How long what is being sent may take to end, in ms. @default 5000 */
  readonly graceMs?: number | undefined
}

/** A bound peer API. */
export interface PeerServer {
  readonly port: number
  /** Requests that are not answered to the end. */
  pending(): number
  /**
   * Speaks TLS with another certificate from now on: the runtime cannot exchange it in a server, so a new one takes over
   * the port, and what is being sent goes on at the old one. Throws where the port is lost; a later call may get it back.
   */
  useTls(tls: TlsTexts): void
  /** Says goodbye on held streams and closes; what is being sent is finished, unless `isNow`. */
  close(options?: CloseOptions): Promise<void>
}

/** Binds the peer API. Throws `usage` when no port can be had. */
export function startPeerServer(options: PeerServerOptions): PeerServer {
  const { port = PEER_PORT, nextPorts = 0 } = options
  for (let candidate = port; ; candidate += 1) {
    try {
      return listen(options, candidate)
    } catch (cause) {
      const code = systemCode(cause)
      if (code === 'EADDRINUSE' && candidate < port + nextPorts && candidate < 65535) continue
      const at = `${options.host ?? 'all addresses'}, port ${candidate}`
      throw new DfhfError('usage', `cannot listen on ${at}: ${code ?? String(cause)}`, {
        hint: 'choose another address with --listen [host:]port',
        cause,
      })
    }
  }
}

function listen(options: PeerServerOptions, port: number): PeerServer {
  if (options.host !== undefined) return bind(options, options.host, port)
  try {
    return bind(options, '::', port)
  } catch (error) {
    // This host has no IPv6.
    if (systemCode(error) === 'EADDRINUSE') throw error
    return bind(options, '0.0.0.0', port)
  }
}

function bind(options: PeerServerOptions, hostname: string, port: number): PeerServer {
  const open = openServer({ ...options, hostname, port })
  const servers = new Set([open])
  let newest = open
  const boundPort = open.port ?? port
  const bound = new SocketBound(boundPort, options.log ?? silentLog)
  return {
    port: boundPort,
    pending: () => [...servers].reduce((sum, server) => sum + server.pendingRequests, 0),
    useTls(tls) {
      const old = newest
      void old.stop().then(() => servers.delete(old))
      newest = openServer({ ...options, tls, hostname, port: boundPort })
      servers.add(newest)
    },
    async close({ isNow = false, graceMs = CLOSE_MS } = {}) {
      options.handler.close()
      bound[Symbol.dispose]()
      const stopped = () => Promise.all([...servers].map((server) => server.stop()))
      if (!isNow) await Promise.race([stopped(), Bun.sleep(graceMs)])
      await Promise.all([...servers].map((server) => server.stop(true)))
    },
  }
}

function openServer(options: PeerServerOptions & { readonly hostname: string; readonly port: number }) {
  const { handler, tls, log = silentLog, idleSeconds = IDLE_SECONDS, hostname, port } = options
  return Bun.serve({
    hostname,
    port,
    idleTimeout: idleSeconds,
    maxRequestBodySize: MAX_REQUEST_BODY,
    ...(tls && { tls: { cert: tls.certificate, key: tls.privateKey } }),
    fetch(request, self) {
      const peer = self.requestIP(request)
      return handler.handle(request, {
        address: plainAddress(peer?.address ?? ''),
        port: peer?.port ?? 0,
        pending: () => self.pendingRequests,
        stayOpen: () => self.timeout(request, 0),
      })
    },
    error(error) {
      // The file of a slice is opened after the handler returned; a blob that moved in between is asked for again.
      log.debug(`cannot send to a peer: ${error.message}`)
      const answer = busy('failed')
      return handler.introduce?.(answer) ?? answer
    },
  })
}
