import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { createHttpClient } from '../../src/http/http-client.ts'
import { startRawServer } from '../support/http/raw-server.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const short = { headersTimeoutMs: 100, bodyTimeoutMs: 100 }

async function drain(body: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0
  for await (const chunk of body) size += chunk.length
  return size
}

describe('the HTTP client', () => {
  test('gives status, headers and body, and leaves a redirect alone', async () => {
    using server = Bun.serve({
      port: 0,
      fetch: () =>
        new Response('moved', {
          status: 302,
          headers: [
            ['Location', '/x'],
            ['X-Two', 'a'],
            ['X-Two', 'b'],
          ],
        }),
    })
    await using client = createHttpClient()
    const response = await client.request({ url: `http://127.0.0.1:${server.port}/y?z` })
    expect(response.status).toBe(302)
    expect(response.headers.get('LOCATION')).toBe('/x')
    expect(response.headers.getAll('x-two').join(', ')).toBe('a, b')
    expect(response.url).toBe(`http://127.0.0.1:${server.port}/y?z`)
    expect(await response.text(10)).toBe('moved')
  })

  test('sends a method, headers and a body', async () => {
    using server = Bun.serve({
      port: 0,
      fetch: async (request) =>
        Response.json([request.method, request.headers.get('x-a'), await request.text()]),
    })
    await using client = createHttpClient()
    const url = `http://127.0.0.1:${server.port}/`
    const response = await client.request({ method: 'POST', url, headers: { 'x-a': '1' }, body: 'b' })
    expect(await response.json(100)).toEqual(['POST', '1', 'b'])
  })

  test('keeps one connection for GET and HEAD alike', async () => {
    let accepted = 0
    await using server = await startRawServer((socket, head) => {
      accepted += 1
      socket.write(
        `HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n${head.startsWith('HEAD') ? '' : 'ok'}`,
      )
    })
    await using client = createHttpClient()
    for (const method of ['HEAD', 'GET', 'HEAD', 'GET'] as const) {
      const response = await client.request({ method, url: server.url })
      await drain(response.body)
    }
    expect(accepted).toBe(4)
    expect(server.highestConnections).toBe(1)
  })

  test('opens no more connections to an origin than its cap', async () => {
    const held: (() => void)[] = []
    const third = Promise.withResolvers<void>()
    await using server = await startRawServer((socket) => {
      held.push(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
      if (held.length === 2) for (const release of held) release()
      if (held.length > 2) held.at(-1)?.()
      if (held.length === 6) third.resolve()
    })
    await using client = createHttpClient({ connections: 2 })
    const asked = Array.from({ length: 6 }, () => client.request({ url: server.url }))
    await Promise.all(asked.map(async (response) => (await response).text(10)))
    await third.promise
    expect(server.highestConnections).toBe(2)
  })

  test('refuses a body that is larger than allowed, packed or not', async () => {
    const zeros = new Uint8Array(100_000)
    using server = Bun.serve({
      port: 0,
      fetch: (request) =>
        new URL(request.url).pathname === '/gzip'
          ? new Response(gzipSync(zeros), { headers: { 'content-encoding': 'gzip' } })
          : new Response(zeros),
    })
    await using client = createHttpClient()
    const url = `http://127.0.0.1:${server.port}`
    for (const path of ['/plain', '/gzip']) {
      const small = await client.request({ url: url + path })
      expect(await thrownBy(() => small.text(99_999))).toMatchObject({ code: 'bad-response' })
      const enough = await client.request({ url: url + path })
      expect(await enough.text(100_000)).toHaveLength(100_000)
    }
  })

  test('says that an answer is no JSON', async () => {
    using server = Bun.serve({ port: 0, fetch: () => new Response('<html>') })
    await using client = createHttpClient()
    const response = await client.request({ url: `http://127.0.0.1:${server.port}/a?token=secret` })
    const error = await thrownBy(() => response.json(100))
    expect(error).toMatchObject({ code: 'bad-response' })
    expect(String(error)).not.toContain('secret')
  })

  test('times out when no headers come', async () => {
    await using server = await startRawServer(() => {})
    await using client = createHttpClient(short)
    const error = await thrownBy(() => client.request({ url: server.url }))
    expect(error).toMatchObject({ code: 'timeout', retryable: true })
    expect(String(error)).toContain('did not answer within 0.1 s')
  })

  test('times out when a body stands still', async () => {
    await using server = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc')
    })
    await using client = createHttpClient(short)
    const response = await client.request({ url: server.url })
    expect(await thrownBy(() => drain(response.body))).toMatchObject({ code: 'timeout', retryable: true })
  })

  test('ends a waiting request and a running body with the reason of the signal', async () => {
    const asked = Promise.withResolvers<void>()
    await using server = await startRawServer((socket, head) => {
      if (head.startsWith('GET /body')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc')
      else asked.resolve()
    })
    await using client = createHttpClient()
    const reason = new Error('stop')
    const first = new AbortController()
    const waiting = thrownBy(() => client.request({ url: server.url, signal: first.signal }))
    await asked.promise
    first.abort(reason)
    expect(await waiting).toBe(reason)

    const second = new AbortController()
    const response = await client.request({ url: `${server.url}/body`, signal: second.signal })
    const reading = thrownBy(async () => {
      for await (const _ of response.body) second.abort(reason)
    })
    expect(await reading).toBe(reason)
  })

  test('frees the connection when a loop over a body is left early', async () => {
    const closed = Promise.withResolvers<void>()
    await using server = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc')
      socket.on('close', () => closed.resolve())
    })
    await using client = createHttpClient()
    const response = await client.request({ url: server.url })
    for await (const _ of response.body) break
    await closed.promise
  })

  test('can use the connection again after a short body is given up', async () => {
    await using server = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc')
    })
    await using client = createHttpClient({ connections: 1 })
    for (let round = 0; round < 3; round += 1) (await client.request({ url: server.url })).discard()
    expect(server.highestConnections).toBe(1)
  })
})

describe('a connection that fails is told in words', () => {
  test('refused', async () => {
    const { url } = await (async () => {
      await using gone = await startRawServer(() => {})
      return { url: gone.url }
    })()
    await using client = createHttpClient()
    const error = await thrownBy(() => client.request({ url: `${url}/x?sig=secret` }))
    expect(error).toMatchObject({ code: 'network', retryable: true })
    expect(String(error)).toContain('connection refused')
    expect(String(error)).not.toContain('secret')
  })

  test('a name that does not exist', async () => {
    await using client = createHttpClient()
    const error = await thrownBy(() => client.request({ url: 'http://no-such-host.invalid:8080/' }))
    expect(error).toMatchObject({ code: 'network' })
    expect(String(error)).toContain('cannot find no-such-host.invalid')
  })

  test('closed before and amid the answer', async () => {
    await using server = await startRawServer((socket, head) => {
      if (head.startsWith('GET /early')) return socket.destroy()
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc')
    })
    await using client = createHttpClient()
    const early = await thrownBy(() => client.request({ url: `${server.url}/early` }))
    expect(early).toMatchObject({ code: 'network', retryable: true })
    const response = await client.request({ url: server.url })
    const late = await thrownBy(() => drain(response.body))
    expect(late).toMatchObject({ code: 'network', retryable: true })
    expect(String(late)).toContain('closed the connection')
  })

  test('something that is no HTTP', async () => {
    await using server = await startRawServer((socket) => socket.end('220 smtp ready\r\n\r\n'))
    await using client = createHttpClient()
    const error = await thrownBy(() => client.request({ url: server.url }))
    expect(String(error)).toContain('does not speak HTTP')
  })
})
