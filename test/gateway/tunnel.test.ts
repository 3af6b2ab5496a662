import { describe, expect, test } from 'bun:test'
import { connect, createServer, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { AllowList } from '../../src/gateway/access/allow-list.ts'
import { Tunnels } from '../../src/gateway/proxy/tunnel.ts'
import { createProxyResolver } from '../../src/http/connect/proxy.ts'
import { startSocksServer } from '../support/http/socks-server.ts'
import { startTestProxy } from '../support/http/test-proxy.ts'
import { openTestGateway } from './gateway-fixture.ts'

/** A server that sends everything back. */
async function echoServer(): Promise<Server & AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return Object.assign(server, {
    port,
    [Symbol.asyncDispose]: async () => void server.close(),
  })
}

describe('CONNECT over a SOCKS proxy', () => {
  const through = async (socks: Parameters<typeof startSocksServer>[0], authority: string) => {
    await using proxy = await startSocksServer(socks)
    const proxyFor = createProxyResolver({ ALL_PROXY: `socks5://me:sekret@${proxy.host}` })
    await using gateway = await openTestGateway({}, () => ({ allowHosts: ['.inside.example'], proxyFor }))
    return await gateway.speak(`CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`)
  }

  test.each([
    ['that forbids the host', { credentials: 'me:sekret', refuse: 2 }, 'not allowed by its rules'],
    ['that refuses the password', { credentials: 'me:other' }, 'does not accept the user or the password'],
  ])('%s is a bad gateway, and says why without the password', async (_, socks, says) => {
    const answer = await through(socks, 'a.inside.example:443')
    expect(answer).toStartWith('HTTP/1.1 502 ')
    expect(answer).toContain(says)
    expect(answer).not.toContain('sekret')
  })

  test('to a name that the protocol cannot carry is refused, and no more than that', async () => {
    const long = 'a'.repeat(60).concat('.').repeat(5)
    const answer = await through({ credentials: 'me:sekret' }, `${long}inside.example:443`)
    expect(answer).toMatch(/^HTTP\/1\.1 [45]\d\d /)
  })
})

describe('CONNECT over an HTTP proxy', () => {
  test('that refuses the password says so, without it', async () => {
    await using proxy = await startTestProxy({ credentials: 'me:other' })
    const proxyFor = createProxyResolver({ ALL_PROXY: `http://me:sekret@${proxy.host}` })
    await using gateway = await openTestGateway({}, () => ({ allowHosts: ['.inside.example'], proxyFor }))
    const answer = await gateway.speak('CONNECT a.inside.example:443 HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(answer).toStartWith('HTTP/1.1 502 ')
    expect(answer).toContain(`the proxy ${proxy.host} does not accept the user or the password`)
    expect(answer).not.toContain('sekret')
  })
})

describe('CONNECT', () => {
  test('to an allowed host passes bytes both ways, those that came with it too', async () => {
    await using echo = await echoServer()
    await using gateway = await openTestGateway({}, () => ({ allowHosts: [`127.0.0.1:${echo.port}`] }))
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: gateway.port,
      socket: {
        data(_, chunk) {
          heard += chunk.toString('latin1')
          if (heard.endsWith('early late')) done.resolve()
          else if (heard.endsWith('early ')) socket.write('late')
        },
      },
    })
    let heard = ''
    const done = Promise.withResolvers<void>()
    socket.write(`CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\nHost: x\r\n\r\nearly `)
    await done.promise
    expect(heard).toBe('HTTP/1.1 200 Connection Established\r\n\r\nearly late')
    socket.end()
  })

  test('brings all that a server sent before it closed, however slowly it is read', async () => {
    const size = 8_000_000
    const server = createServer((socket) => socket.end(Buffer.alloc(size, 7)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const at = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
    await using gateway = await openTestGateway({}, () => ({ allowHosts: [at] }))
    const socket = connect(gateway.port, '127.0.0.1', () =>
      socket.write(`CONNECT ${at} HTTP/1.1\r\nHost: x\r\n\r\n`),
    )
    let got = 0
    for await (const chunk of socket) {
      got += (chunk as Buffer).length
      // A client that reads slowly.
      if (got % 10 === 0) await Bun.sleep(1)
    }
    expect(got).toBe('HTTP/1.1 200 Connection Established\r\n\r\n'.length + size)
    server.close()
  })

  test.each([
    '127.0.0.1:22',
    'localhost:443',
    '[::1]:443',
    '10.0.0.1:443',
    'example.org:443',
    'huggingface.co:22',
    'nonsense',
    'huggingface.co:443/x',
  ])('to %s is refused', async (authority) => {
    await using gateway = await openTestGateway({})
    const answer = await gateway.speak(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
  })

  test('to a host that does not answer is a bad gateway', async () => {
    const closed = await echoServer()
    const { port } = closed
    await closed[Symbol.asyncDispose]()
    await using gateway = await openTestGateway({}, () => ({ allowHosts: [`127.0.0.1:${port}`] }))
    const answer = await gateway.speak(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(answer).toStartWith('HTTP/1.1 502 ')
  })

  test('is refused while 1,024 tunnels are open, and not once one of them has closed', async () => {
    await using echo = await echoServer()
    const authority = `127.0.0.1:${echo.port}`
    const tunnels = new Tunnels({ allowList: new AllowList(new URL('https://huggingface.co/'), [authority]) })
    const stop = new AbortController()
    const open = async () => {
      const heard = Promise.withResolvers<string>()
      const client = new Duplex({
        read() {},
        write(chunk: Uint8Array, _, done) {
          heard.resolve(chunk.toString())
          done()
        },
      })
      const closed = tunnels.run(authority, client, new Uint8Array(), stop.signal).catch(() => {})
      return { client, closed, said: await heard.promise }
    }
    const all = await Promise.all(Array.from({ length: 1024 }, open))
    expect(new Set(all.map(({ said }) => said))).toEqual(
      new Set(['HTTP/1.1 200 Connection Established\r\n\r\n']),
    )
    expect(tunnels.open).toBe(1024)
    expect((await open()).said).toStartWith('HTTP/1.1 503 ')
    all[0]?.client.destroy()
    await all[0]?.closed
    expect((await open()).said).toStartWith('HTTP/1.1 200 ')
    stop.abort()
    await Promise.all(all.map(({ closed }) => closed))
    expect(tunnels.open).toBeLessThan(2)
  })
})
