import { describe, expect, test } from 'bun:test'
import { createProxyResolver } from '../../src/http/connect/proxy.ts'
import { createHttpClient, type HttpClientOptions } from '../../src/http/http-client.ts'
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

describe.each(Object.entries(routes))(
  'a server that closes while the reader holds it back, %s',
  (_, route) => {
    test.each(cases)('harms nothing: a body %s, of %i bytes', async (what, length, head) => {
      const response = Buffer.concat([Buffer.from(head(length)), Buffer.alloc(length, 7)])
      await using server = await startRawServer(
        (socket) => void socket.end(response),
        route.isTls ? certificate : undefined,
      )
      await using proxy = await startTestProxy()
      await using http = createHttpClient(route.options(proxy))
      for (let round = 0; round < 5; round += 1) {
        const response = await http.request({ url: server.url })
        // All of it comes and is held back, and the other side is gone, before the first byte is taken.
        await Bun.sleep(50)
        let got = 0
        const reading = (async () => {
          for await (const chunk of response.body) got += chunk.length
        })()
        const isBroken = await reading.then(
          () => false,
          () => true,
        )
        expect([what, got, isBroken]).toEqual([what, length, what === 'cut short'])
      }
    })
  },
)
