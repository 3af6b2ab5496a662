import { describe, expect, test } from 'bun:test'
import { createHttpClient, type HttpClient } from '../../src/http/http-client.ts'
import { redactUrl } from '../../src/http/redact-url.ts'
import { walkRedirects } from '../../src/http/redirects.ts'
import { startRedirectingServers } from '../support/http/redirecting-servers.ts'
import { redirectingClient } from '../support/http/scripted-client.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

/** Walks with nothing but the addresses. */
function walk(client: HttpClient, url: string, options?: Parameters<typeof walkRedirects>[2]) {
  return walkRedirects(new URL(url), (hop) => client.request({ url: hop }), options)
}

describe('a walk along redirects', () => {
  test('ends at the last answer, and asks at each hop what goes along', async () => {
    const seen: (string | null)[] = []
    using servers = startRedirectingServers(({ headers }) => seen.push(headers.get('x-hop')))
    await using client = createHttpClient()
    const { response, url, target, count } = await walkRedirects(new URL(servers.start), (hop) =>
      client.request({ url: hop, headers: { 'x-hop': hop.pathname } }),
    )
    expect(await response.text(10)).toBe('there')
    expect(response.url).toBe(servers.end)
    expect([url.href, target, count]).toEqual([response.url, undefined, 2])
    expect(seen).toEqual(['/', '/next', '/end'])
  })

  test('ends at a redirect that is not to be followed, and leaves its body to be read', async () => {
    using server = Bun.serve({
      port: 0,
      fetch: () => new Response('moved', { status: 302, headers: { location: 'https://cdn.test/x' } }),
    })
    await using client = createHttpClient()
    const hop = await walk(client, `http://127.0.0.1:${server.port}/`, {
      follows: ({ target }) => target.host !== 'cdn.test',
    })
    expect([hop.response.status, hop.target?.href, hop.count]).toEqual([302, 'https://cdn.test/x', 0])
    expect(await hop.response.text(10)).toBe('moved')
  })

  test('takes a redirect without an address for an answer', async () => {
    using server = Bun.serve({ port: 0, fetch: () => new Response(null, { status: 304 }) })
    await using client = createHttpClient()
    const hop = await walk(client, `http://127.0.0.1:${server.port}/`)
    expect([hop.response.status, hop.target]).toEqual([304, undefined])
  })

  test('gives up on a circle', async () => {
    let asked = 0
    using server = Bun.serve({
      port: 0,
      fetch: () => {
        asked += 1
        return new Response(null, { status: 302, headers: { location: '/' } })
      },
    })
    await using client = createHttpClient()
    const url = `http://127.0.0.1:${server.port}/`
    expect(await thrownBy(() => walk(client, url))).toMatchObject({ code: 'bad-response' })
    expect(asked).toBe(21)
    asked = 0
    expect(await thrownBy(() => walk(client, url, { limit: 5 }))).toMatchObject({ code: 'bad-response' })
    expect(asked).toBe(6)
  })

  test('refuses to leave HTTP', async () => {
    using server = Bun.serve({
      port: 0,
      fetch: () => new Response(null, { status: 302, headers: { location: 'file:///etc/passwd' } }),
    })
    await using client = createHttpClient()
    const error = await thrownBy(() => walk(client, `http://127.0.0.1:${server.port}/`))
    expect(error).toMatchObject({ code: 'bad-response' })
  })

  test('reads an address whose UTF-8 was written as it is', async () => {
    const written = Buffer.from('/é').toString('latin1')
    const client = redirectingClient(['https://hub.test/', written], { status: 200 })
    expect((await walk(client, 'https://hub.test/')).url.href).toBe('https://hub.test/%C3%A9')
  })
})

test('a URL in a message shows neither user, query nor fragment', () => {
  expect(redactUrl('https://me:pw@cdn.test:1/a/b?Signature=s#f')).toBe('https://cdn.test:1/a/b?…')
  expect(redactUrl('https://cdn.test/a')).toBe('https://cdn.test/a')
  expect(redactUrl('no url')).toBe('an unreadable URL')
})
