import { describe, expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { withOriginProxy } from '../../src/http/origin-proxy.ts'
import { startStubDfdaemon } from '../support/http/stub-dfdaemon.ts'

/** An origin that gives the same few bytes everywhere, and notes each path. */
function startOrigin() {
  const paths: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      paths.push(new URL(request.url).pathname)
      return new Response('bytes')
    },
  })
  return { url: server.url.origin, paths, [Symbol.asyncDispose]: () => server.stop(true) }
}

function clientWith(proxy: string, now = () => 0) {
  const warnings: string[] = []
  const log = { debug() {}, info() {}, warn: (text: string) => void warnings.push(text) }
  const http = withOriginProxy(createHttpClient(), { url: new URL(proxy), log, now })
  return { http, warnings }
}

describe('an origin proxy', () => {
  test('is asked by http for an https address, and told the origin', async () => {
    await using proxy = await startStubDfdaemon({ status: 404 })
    await using origin = startOrigin()
    const { http } = clientWith(proxy.url)
    const url = `${origin.url.replace('http:', 'https:')}/repos/x?Signature=s`
    // The origin has no TLS; what counts here is what the proxy was asked before.
    await http.request({ url, isBlob: true, headers: { range: 'bytes=0-4' } }).catch(() => {})
    const [asked] = proxy.asked
    expect(asked?.target).toBe(`${origin.url}/repos/x?Signature=s`)
    expect(asked?.headers).toMatchObject({
      host: new URL(origin.url).host,
      'x-dragonfly-registry': url.slice(0, url.indexOf('/repos')),
      range: 'bytes=0-4',
    })
    await http.close()
  })

  test('gets no request with a token and none that is not for a blob', async () => {
    await using proxy = await startStubDfdaemon()
    await using origin = startOrigin()
    const { http } = clientWith(proxy.url)
    const requests = [
      { url: `${origin.url}/a`, isBlob: true, headers: { Authorization: 'Bearer hf_x' } },
      { url: `${origin.url}/b`, isBlob: true, headers: { cookie: 'token=x' } },
      { url: `${origin.url}/c` },
    ]
    for (const request of requests) expect(await (await http.request(request)).text(100)).toBe('bytes')
    expect(proxy.asked).toEqual([])
    expect((await http.request({ url: `${origin.url}/d`, isBlob: true })).url).toBe(`${origin.url}/d`)
    expect(proxy.asked).toHaveLength(1)
    await http.close()
  })

  test.each([403, 404, 302])('that answers %d is passed by for this request alone', async (status) => {
    await using proxy = await startStubDfdaemon({ status })
    await using origin = startOrigin()
    const { http, warnings } = clientWith(proxy.url)
    for (const path of ['/a', '/b'])
      expect(await (await http.request({ url: origin.url + path, isBlob: true })).text(100)).toBe('bytes')
    expect([proxy.asked.length, warnings, origin.paths]).toEqual([2, [], ['/a', '/b']])
    await http.close()
  })

  test('that fails or is away is left alone for half a minute, with one warning', async () => {
    await using origin = startOrigin()
    const gone = await startStubDfdaemon()
    await gone[Symbol.asyncDispose]()
    await using broken = await startStubDfdaemon({ status: 502 })
    for (const { url } of [gone, broken]) {
      let now = 0
      const { http, warnings } = clientWith(url, () => now)
      const ask = async () => (await http.request({ url: `${origin.url}/a`, isBlob: true })).text(100)
      expect([await ask(), await ask()]).toEqual(['bytes', 'bytes'])
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toContain(new URL(url).host)
      now = 30_000
      expect(await ask()).toBe('bytes')
      expect(warnings).toHaveLength(2)
      await http.close()
    }
    expect(broken.asked).toHaveLength(2)
  })

  test('does not hide that the user aborts', async () => {
    await using proxy = await startStubDfdaemon()
    const { http, warnings } = clientWith(proxy.url)
    const signal = AbortSignal.abort(new Error('enough'))
    const asking = http.request({ url: 'http://127.0.0.1:1/', isBlob: true, signal })
    expect(await asking.catch((error: unknown) => error)).toBe(signal.reason)
    expect(warnings).toEqual([])
    await http.close()
  })
})
