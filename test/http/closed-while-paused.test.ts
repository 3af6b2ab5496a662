import { describe, expect, test } from 'bun:test'
import { createProxyResolver } from '../../src/http/connect/proxy.ts'
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../src/http/http-client.ts'
import { startRawServer } from '../support/http/raw-server.ts'
import { startTestProxy, type TestProxy } from '../support/http/test-proxy.ts'
import { makeCertificate } from '../support/hub/certificate.ts'

const close = 'HTTP/1.1 200 OK\r\nConnection: close\r\n'
const heads = {
  'with its length': (length: number) => `${close}Content-Length: ${length}\r\n\r\n`,
  'without a length': () => `${close}\r\n`,
  'cut short': (length: number) => `${close}Content-Length: ${length + 100_000}\r\n\r\n`,
} as const
/** Both more than a reader may leave lying; through a tunnel the end is heard only where little is still to be read. */
const lengths = [140_000, 200_000]
const cases = Object.entries(heads).flatMap(([what, head]) =>
  lengths.map((length) => [what, length, head] as const),
)
const certificate = makeCertificate()
const authorities = () => [certificate.cert]
const through = (proxy: TestProxy) => createProxyResolver({ all_proxy: proxy.url })
const routes: Record<string, { isTls: boolean; options: (proxy: TestProxy) => HttpClientOptions }> = {
  'by plain http': { isTls: false, options: () => ({}) },
  'by TLS': { isTls: true, options: () => ({ authorities }) },
  'by plain http through a proxy': { isTls: false, options: (proxy) => ({ proxyFor: through(proxy) }) },
  'by TLS through the tunnel of a proxy': {
    isTls: true,
    options: (proxy) => ({ authorities, proxyFor: through(proxy) }),
  },
}

describe.each(Object.entries(routes))('while the reader holds a body back, %s', (_, route) => {
  test.each(cases)(
    'a server that closes harms nothing: a body %s, of %i bytes',
    async (what, length, head) => {
      await using server = await startRawServer(
        (socket) => void socket.end(responseOf(head, length)),
        route.isTls ? certificate : undefined,
      )
      await using proxy = await startTestProxy()
      await using http = createHttpClient(route.options(proxy))
      for (let round = 0; round < 5; round += 1) {
        const isBroken = what === 'cut short'
        expect(await readLate(http, server.url)).toEqual({ got: length, isBroken })
      }
    },
  )
})

describe.each(['by plain http', 'by TLS'])('while the reader holds a body back, %s', (name) => {
  test.each(cases)(
    'a server that resets breaks this response alone: a body %s, of %i bytes',
    async (what, length, head) => {
      await using server = await startRawServer(
        (socket) => {
          socket.write(responseOf(head, length))
          setTimeout(() => socket.resetAndDestroy(), 20)
        },
        name === 'by TLS' ? certificate : undefined,
      )
      await using http = createHttpClient({ authorities })
      for (let round = 0; round < 3; round += 1) {
        const { got, isBroken } = await readLate(http, server.url)
        // What was announced may be here by then; without a length no response that was reset is whole.
        if (what !== 'with its length' || got < length) expect(isBroken).toBe(true)
      }
    },
  )
})

function responseOf(head: (length: number) => string, length: number): Buffer {
  return Buffer.concat([Buffer.from(head(length)), Buffer.alloc(length, 7)])
}

/** All of it comes and is held back, and the other side is gone, before the first byte is taken. */
async function readLate(http: HttpClient, url: string): Promise<{ got: number; isBroken: boolean }> {
  const response = await http.request({ url })
  await Bun.sleep(50)
  let got = 0
  try {
    for await (const chunk of response.body) got += chunk.length
    return { got, isBroken: false }
  } catch {
    return { got, isBroken: true }
  }
}
