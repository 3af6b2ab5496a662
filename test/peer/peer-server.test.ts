import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PeerServer, type PeerServerOptions, startPeerServer } from '../../src/peer/peer-server.ts'
import type { Connection } from '../../src/swarm/server/upload-ledger.ts'

const folder = await mkdtemp(join(tmpdir(), 'dfhf-peer-server-'))
const servers: PeerServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ isNow: true })
})
afterAll(() => rm(folder, { recursive: true }))

type Answer = (request: Request, connection: Connection) => Response | Promise<Response>

function start(answer: Answer, options: Partial<PeerServerOptions> = {}): PeerServer {
  const handler = { handle: async (request: Request, at: Connection) => answer(request, at), close() {} }
  const server = startPeerServer({ handler, port: 0, ...options })
  servers.push(server)
  return server
}

describe('peer server', () => {
  test('tells the handler who asks, IPv4 and IPv6, and how much is under way', async () => {
    const server = start((_, { address, port, pending }) =>
      Response.json({ address, port, pending: pending() }),
    )
    for (const [host, address] of [
      ['127.0.0.1', '127.0.0.1'],
      ['[::1]', '::1'],
    ]) {
      const seen = (await (await fetch(`http://${host}:${server.port}/`)).json()) as Record<string, unknown>
      expect(seen).toEqual({ address, port: expect.any(Number), pending: 1 })
    }
  })

  test('takes the next free port when it may, and says which one is taken when it may not', () => {
    const first = start(() => new Response(''))
    const second = start(() => new Response(''), { port: first.port, nextPorts: 20 })
    expect(second.port).toBeGreaterThan(first.port)
    expect(() => start(() => new Response(''), { port: first.port })).toThrow(
      `cannot listen on all addresses, port ${first.port}: EADDRINUSE`,
    )
  })

  test('sends a slice of a file with its range and without its name', async () => {
    const path = join(folder, 'secret-name.bin')
    await writeFile(path, 'hello world')
    const headers = { 'content-range': 'bytes 6-8/11', 'content-disposition': 'attachment' }
    const server = start(() => new Response(Bun.file(path).slice(6, 9), { status: 206, headers }))
    const response = await fetch(`http://127.0.0.1:${server.port}/`, { headers: { range: 'bytes=6-8' } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe('bytes 6-8/11')
    expect(JSON.stringify([...response.headers])).not.toContain('secret-name')
    expect(await response.text()).toBe('wor')
  })

  test('asks for patience when the file moved in the meantime', async () => {
    const path = join(folder, 'moving.bin')
    await writeFile(path, 'hello')
    const server = start(async () => {
      const slice = Bun.file(path).slice(0, 3)
      await rename(path, `${path}.moved`)
      return new Response(slice)
    })
    const response = await fetch(`http://127.0.0.1:${server.port}/`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  })

  test('says who it is also where the answer is its own', async () => {
    const path = join(folder, 'gone.bin')
    await writeFile(path, 'hello')
    const handler = {
      async handle() {
        const slice = Bun.file(path).slice(0, 3)
        await rm(path, { force: true })
        return new Response(slice)
      },
      introduce(response: Response) {
        response.headers.set('x-dfhf-peer', 'me')
        return response
      },
      close() {},
    }
    const server = startPeerServer({ handler, port: 0 })
    servers.push(server)
    const response = await fetch(`http://127.0.0.1:${server.port}/`)
    expect([response.status, response.headers.get('x-dfhf-peer')]).toEqual([503, 'me'])
  })

  test('refuses a request that is too large', async () => {
    const server = start(() => new Response(''))
    const url = `http://127.0.0.1:${server.port}/`
    expect((await fetch(`${url}${'x'.repeat(20_000)}`)).status).toBe(431)
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(2 ** 17) })).status).toBe(413)
  })

  test('finishes what is being sent when it closes, and lets go of held streams', async () => {
    let release = () => {}
    const server = start(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(Buffer.from('first '))
              release = () => {
                controller.enqueue(Buffer.from('last'))
                controller.close()
              }
            },
          }),
        ),
    )
    const response = await fetch(`http://127.0.0.1:${server.port}/`)
    const closed = server.close()
    release()
    expect(await response.text()).toBe('first last')
    await closed
    await expect(fetch(`http://127.0.0.1:${server.port}/`)).rejects.toThrow()
  })

  test('speaks TLS with a given certificate', async () => {
    const [certificate, privateKey] = await selfSigned()
    const server = start(() => new Response('safe'), { tls: { certificate, privateKey } })
    const response = await fetch(`https://localhost:${server.port}/`, { tls: { ca: certificate } })
    expect(await response.text()).toBe('safe')
  })

  test('takes another certificate, and goes on with what it is sending by the one before', async () => {
    const finish = Promise.withResolvers<void>()
    const answer = async function* () {
      yield Buffer.from('first ')
      await finish.promise
      yield Buffer.from('last')
    }
    const [certificate, privateKey] = await selfSigned()
    const server = start(() => new Response(answer()), { tls: { certificate, privateKey } })
    const url = `https://localhost:${server.port}/`
    const slow = await fetch(url, { tls: { ca: certificate } })
    const [nextCertificate, nextKey] = await selfSigned()
    server.useTls({ certificate: nextCertificate, privateKey: nextKey })
    await expect(fetch(url, { tls: { ca: certificate }, keepalive: false })).rejects.toThrow()
    const other = await fetch(url, { tls: { ca: nextCertificate }, keepalive: false })
    finish.resolve()
    expect([await slow.text(), await other.text()]).toEqual(['first last', 'first last'])
    await server.close()
  })
})

async function selfSigned(): Promise<[string, string]> {
  const [keyPath, certPath] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const command = [
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
  ]
  const subject = ['-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const { exitCode } = Bun.spawnSync([...command, '-keyout', keyPath, '-out', certPath, ...subject])
  if (exitCode !== 0) throw new Error('openssl failed')
  return [await Bun.file(certPath).text(), await Bun.file(keyPath).text()]
}

describe('a connection on which nothing moves', () => {
  test('is closed, also in the middle of an upload that its peer does not read', async () => {
    const path = join(folder, 'large.bin')
    await writeFile(path, new Uint8Array(32 * 2 ** 20))
    const cut = Promise.withResolvers<void>()
    const server = start(
      (request) => {
        request.signal.addEventListener('abort', () => cut.resolve())
        return new Response(Bun.file(path))
      },
      { idleSeconds: 1 },
    )
    const idle = Promise.withResolvers<void>()
    await Bun.connect({
      hostname: '127.0.0.1',
      port: server.port,
      socket: {
        open: (socket) => void socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        data: (socket) => socket.pause(),
      },
    })
    await Bun.connect({
      hostname: '127.0.0.1',
      port: server.port,
      socket: { data() {}, close: () => idle.resolve() },
    })
    await Promise.all([cut.promise, idle.promise])
  }, 60_000)

  test('stays open where it is held', async () => {
    const other = Promise.withResolvers<void>()
    let send: (text: string) => void = () => {}
    const server = start(
      (_request, { stayOpen }) => {
        stayOpen?.()
        const body = new ReadableStream({
          start(controller) {
            send = (text) => {
              controller.enqueue(new TextEncoder().encode(text))
              controller.close()
            }
            controller.enqueue(new TextEncoder().encode('first '))
          },
        })
        return new Response(body)
      },
      { idleSeconds: 1 },
    )
    const held = await fetch(`http://127.0.0.1:${server.port}/`)
    await Bun.connect({
      hostname: '127.0.0.1',
      port: server.port,
      socket: { data() {}, close: () => other.resolve() },
    })
    // One that is not held was closed meanwhile.
    await other.promise
    send('last')
    expect(await held.text()).toBe('first last')
  }, 60_000)
})
