import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../src/base/log.ts'
import { HubCircuit } from '../../src/gateway/mirror/hub-circuit.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import { PublicRepos } from '../../src/peer/public-repos.ts'
import { type GatewayOptions, openGateway } from '../../src/serve/open-gateway.ts'
import { StatusBoard } from '../../src/serve/status/status-board.ts'
import { type LibraryFixture, openLibrary } from '../peer/library-fixture.ts'
import type { TestHubOptions } from '../support/hub/test-hub.ts'

/** A gateway over a real library and a test Hub. */
export interface GatewayFixture extends LibraryFixture {
  readonly url: string
  readonly port: number
  /** What it logged as warnings. */
  readonly warnings: readonly string[]
  /** Sends bytes as they are and gives what comes back, headers and all, until the connection closes. */
  speak(text: string): Promise<string>
}

/** Starts all of it on ports that the system chooses. */
export async function openTestGateway(
  hubOptions: TestHubOptions,
  options: (fixture: LibraryFixture) => Partial<GatewayOptions> = () => ({}),
): Promise<GatewayFixture> {
  const stack = new AsyncDisposableStack()
  const library = stack.use(await openLibrary(hubOptions))
  const stateDir = await mkdtemp(join(tmpdir(), 'dfhf-gateway-'))
  stack.defer(() => rm(stateDir, { recursive: true, force: true }))
  const http = stack.use(createHttpClient())
  const warnings: string[] = []
  const log: Log = { debug() {}, info() {}, warn: (message) => void warnings.push(message) }
  const anonymous = new HubClient({
    endpoint: library.hub.url,
    http,
    userAgent: 'test',
    retry: { retries: 0 },
  })
  const gateway = stack.use(
    await openGateway({
      circuit: new HubCircuit(log),
      status: {
        board: new StatusBoard(),
        sources: {
          version: '1',
          hubHost: 'hub.example',
          store: () => ({ used: 0, quota: 1, blobs: 0 }),
          peers: () => [],
        },
      },
      trustsPeers: false,
      listen: { host: '127.0.0.1', port: 0 },
      hosts: [],
      clients: [],
      probes: new Map(),
      isMetricsHere: true,
      tokenRule: {},
      endpoint: library.hub.url,
      http,
      ownHub: anonymous,
      library: library.library,
      publicRepos: new PublicRepos(anonymous),
      stateDir,
      staleForMs: 3_600_000,
      allowHosts: [],
      ignoreQueryParams: ['Expires', 'Key-Pair-Id', 'Policy', 'Signature'],
      storeQuota: 2 ** 40,
      log,
      ...options(library),
    }),
  )
  const { port } = gateway
  return {
    ...library,
    port,
    url: `http://127.0.0.1:${port}`,
    warnings,
    speak: (text) => speak(port, text),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** A GET in absolute form, as a client sends it to its proxy. */
export async function getOverProxy(
  gateway: GatewayFixture,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; headers: Headers; body: Buffer }> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = `GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: close\r\n${lines.join('')}\r\n`
  return parseAnswer(Buffer.from(await gateway.speak(request), 'latin1'))
}

function parseAnswer(bytes: Uint8Array): { status: number; headers: Headers; body: Buffer } {
  const all = Buffer.from(bytes)
  const end = all.indexOf('\r\n\r\n')
  const [first = '', ...lines] = all.toString('latin1', 0, end).split('\r\n')
  const headers = new Headers()
  for (const line of lines)
    headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  return { status: Number(first.split(' ')[1]), headers, body: all.subarray(end + 4) }
}

function speak(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
}
