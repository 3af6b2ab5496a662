import { describe, expect, test } from 'bun:test'
import { createProxyResolver, proxyAuthorization } from '../../src/http/connect/proxy.ts'
import { readAuthorities } from '../../src/http/connect/trust.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { startTestProxy } from '../support/http/test-proxy.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { makeCertificate } from '../support/hub/certificate.ts'

const proxyFor = (url: string, env: Record<string, string>) =>
  createProxyResolver(env)(new URL(url))?.url.host

describe('which proxy is used', () => {
  test('follows the scheme, and ALL_PROXY for both', () => {
    const env = { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'http://b:2' }
    expect(proxyFor('http://hub.test/x', env)).toBe('a:1')
    expect(proxyFor('https://hub.test/x', env)).toBe('b:2')
    expect(proxyFor('https://hub.test/x', { ALL_PROXY: 'http://c:3' })).toBe('c:3')
    expect(proxyFor('http://hub.test/x', { ...env, ALL_PROXY: 'http://c:3' })).toBe('a:1')
    expect(proxyFor('http://hub.test/x', {})).toBeUndefined()
  })

  test('lower case wins, an empty one switches off, and a value without scheme is http', () => {
    expect(proxyFor('http://hub.test', { HTTP_PROXY: 'a:1', http_proxy: 'b:2' })).toBe('b:2')
    expect(proxyFor('http://hub.test', { HTTP_PROXY: 'a:1', http_proxy: '' })).toBeUndefined()
    expect(createProxyResolver({ http_proxy: 'b:2' })(new URL('http://x'))?.url.href).toBe('http://b:2/')
  })

  test('upper-case HTTP_PROXY counts for nothing in a CGI program', () => {
    expect(proxyFor('http://hub.test', { HTTP_PROXY: 'a:1', REQUEST_METHOD: 'GET' })).toBeUndefined()
  })

  test.each([
    ['*', 'https://any.test', true],
    ['hub.test', 'https://hub.test', true],
    ['hub.test', 'https://cdn.hub.test', true],
    ['hub.test', 'https://nothub.test', false],
    ['.hub.test', 'https://cdn.hub.test', true],
    ['.hub.test', 'https://hub.test', false],
    ['other, Hub.Test', 'https://hub.test', true],
    ['127.0.0.1,localhost', 'http://127.0.0.1:8080', true],
    ['localhost', 'http://localhost:8080', true],
    ['localhost', 'http://a.localhost', false],
    ['10.0.0.0/8', 'http://10.1.2.3', false],
    ['0.0.1', 'http://127.0.0.1', false],
    ['[::1]', 'http://[::1]:80', true],
    ['::1', 'http://[::1]:80', true],
    ['hub.test:8443', 'https://hub.test:8443', true],
    ['hub.test:8443', 'https://hub.test', false],
    ['https://hub.test', 'https://hub.test', true],
    ['', 'http://127.0.0.1', false],
  ])('NO_PROXY=%s with %s: exempt %p', (noProxy, url, isExempt) => {
    expect(proxyFor(url, { ALL_PROXY: 'http://p:1', NO_PROXY: noProxy }) === undefined).toBe(isExempt)
  })

  test('takes user and password from the address and keeps them out of it', () => {
    const proxy = createProxyResolver({ https_proxy: 'http://me:p%40ss@p:1' })(new URL('https://x'))
    expect(proxy && proxyAuthorization(proxy)).toBe(`Basic ${btoa('me:p@ss')}`)
    expect(proxy?.url.href).toBe('http://p:1/')
  })

  test('says so when it cannot use one, without its password', async () => {
    for (const value of ['socks4://me:secret@p:1080', 'http://', 'ftp://p', 'socks5://']) {
      const error = await thrownBy(() => proxyFor('http://hub.test', { ALL_PROXY: value }))
      expect(error).toMatchObject({ code: 'usage' })
      expect(String(error)).not.toContain('secret')
    }
    expect(proxyFor('http://hub.test', { ALL_PROXY: 'socks5://p:1', NO_PROXY: '*' })).toBeUndefined()
  })
})

describe('a proxy', () => {
  test('is asked for plain http by the absolute address', async () => {
    await using proxy = await startTestProxy({ credentials: 'me:pass' })
    using origin = Bun.serve({ port: 0, fetch: (request) => new Response(request.headers.get('host')) })
    const env = { http_proxy: `http://me:pass@${proxy.host}` }
    await using client = createHttpClient({ proxyFor: createProxyResolver(env) })
    const url = `http://127.0.0.1:${origin.port}/a%20b?c=d`
    const response = await client.request({ url })
    expect(await response.text(100)).toBe(`127.0.0.1:${origin.port}`)
    expect(response.url).toBe(url)
    expect(proxy.requests).toEqual([
      { method: 'GET', target: url, authorization: `Basic ${btoa('me:pass')}` },
    ])
  })

  test('is asked for a tunnel to https, through which the certificate is checked', async () => {
    const { cert, key } = makeCertificate()
    await using proxy = await startTestProxy({ credentials: 'me:pass' })
    using origin = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response('secure') })
    const proxyFor = createProxyResolver({ https_proxy: `http://me:pass@${proxy.host}` })
    const url = `https://127.0.0.1:${origin.port}/`
    {
      await using client = createHttpClient({ proxyFor })
      const error = await thrownBy(() => client.request({ url }))
      expect(error).toMatchObject({ code: 'network', retryable: false })
      expect(String(error)).toContain('cannot trust')
    }
    const authorities = () => [...readAuthorities({}), cert]
    await using client = createHttpClient({ proxyFor, authorities })
    expect(await (await client.request({ url })).text(100)).toBe('secure')
    expect(new Set(proxy.requests.map(({ method, target }) => `${method} ${target}`))).toEqual(
      new Set([`CONNECT 127.0.0.1:${origin.port}`]),
    )
    expect(proxy.requests[0]?.authorization).toBe(`Basic ${btoa('me:pass')}`)
  })

  test('is left out for a host in NO_PROXY', async () => {
    await using proxy = await startTestProxy()
    using origin = Bun.serve({ port: 0, fetch: () => new Response('direct') })
    const env = { ALL_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }
    await using client = createHttpClient({ proxyFor: createProxyResolver(env) })
    const response = await client.request({ url: `http://127.0.0.1:${origin.port}/` })
    expect(await response.text(100)).toBe('direct')
    expect(proxy.requests).toEqual([])
  })

  test.each(['http', 'https'])('that wants a password for %s is named, with what to do', async (scheme) => {
    await using proxy = await startTestProxy({ credentials: 'me:pass' })
    await using client = createHttpClient({ proxyFor: createProxyResolver({ all_proxy: proxy.url }) })
    const error = await thrownBy(() => client.request({ url: `${scheme}://hub.test/` }))
    expect(error).toMatchObject({ code: 'network', retryable: false })
    expect(String(error)).toContain(`the proxy ${proxy.host} asks for a user and a password`)
  })

  test('that refuses a tunnel is named, with its status', async () => {
    await using proxy = await startTestProxy({ refuse: 403 })
    await using client = createHttpClient({ proxyFor: createProxyResolver({ all_proxy: proxy.url }) })
    const error = await thrownBy(() => client.request({ url: 'https://hub.test/' }))
    expect(String(error)).toContain(`the proxy ${proxy.host} refused to connect to hub.test (403)`)
  })

  test('that is down is named, not the host behind it', async () => {
    const { host } = await (async () => {
      await using gone = await startTestProxy()
      return { host: gone.host }
    })()
    await using client = createHttpClient({ proxyFor: createProxyResolver({ all_proxy: host }) })
    for (const url of ['http://hub.test/', 'https://hub.test/']) {
      const error = await thrownBy(() => client.request({ url }))
      expect(String(error)).toContain(`cannot connect to the proxy ${host}: connection refused`)
    }
  })
})

describe('a SOCKS proxy', () => {
  test('that says nothing is left when the client closes', async () => {
    const came = Promise.withResolvers<void>()
    const left = Promise.withResolvers<void>()
    using silent = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: () => came.resolve(), close: () => left.resolve() },
    })
    const proxyFor = createProxyResolver({ ALL_PROXY: `socks5://127.0.0.1:${silent.port}` })
    // Far longer than a test may take.
    const client = createHttpClient({ proxyFor, connectTimeoutMs: 600_000 })
    const failed = thrownBy(() => client.request({ url: 'http://hub.test/' }))
    await came.promise
    await client.close()
    expect(await failed).toMatchObject({ code: 'network' })
    await left.promise
  })

  test('that says nothing holds up no request that is aborted', async () => {
    const came = Promise.withResolvers<void>()
    using silent = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: () => came.resolve() },
    })
    const proxyFor = createProxyResolver({ ALL_PROXY: `socks5://127.0.0.1:${silent.port}` })
    await using client = createHttpClient({ proxyFor, connectTimeoutMs: 600_000 })
    const stop = new AbortController()
    const failed = thrownBy(() => client.request({ url: 'http://hub.test/', signal: stop.signal }))
    await came.promise
    const reason = new Error('stop')
    stop.abort(reason)
    expect(await failed).toBe(reason)
  })
})
