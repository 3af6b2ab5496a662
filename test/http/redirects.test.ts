import { describe, expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { redactUrl } from '../../src/http/redact-url.ts'
import { headersForHop, keepsAuthorization, requestFollowing } from '../../src/http/redirects.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

describe('authorization over a redirect', () => {
  test.each([
    ['https://hub.test/a', 'https://hub.test/b', true],
    ['https://hub.test/a', 'https://hub.test:444/b', false],
    ['https://hub.test/a', 'https://cdn.hub.test/b', false],
    ['https://hub.test/a', 'http://hub.test/b', false],
    ['http://hub.test/a', 'https://hub.test/b', true],
    ['http://hub.test/a', 'https://other.test/b', false],
    ['http://hub.test:8080/a', 'https://hub.test/b', false],
    ['http://127.0.0.1:1/a', 'http://127.0.0.1:2/b', false],
  ])('from %s to %s: kept %p', (from, to, isKept) => {
    expect(keepsAuthorization(new URL(from), new URL(to))).toBe(isKept)
  })

  test('takes the other headers along in any case', () => {
    const headers = { Authorization: 'x', cookie: 'y', range: 'z' }
    expect(headersForHop(headers, new URL('http://a.test'), new URL('http://b.test'))).toEqual({ range: 'z' })
  })
})

describe('following redirects', () => {
  test('ends at the last answer and drops the token on the way to another origin', async () => {
    const seen: (string | null)[] = []
    const note = (request: Request) => seen.push(request.headers.get('authorization'))
    using other = Bun.serve({
      port: 0,
      fetch: (request) => {
        note(request)
        return new Response('there')
      },
    })
    using server = Bun.serve({
      port: 0,
      fetch: (request) => {
        note(request)
        const isFirst = new URL(request.url).pathname === '/'
        return new Response(null, {
          status: isFirst ? 307 : 302,
          headers: { location: isFirst ? '/next?a=b' : `http://127.0.0.1:${other.port}/end` },
        })
      },
    })
    await using client = createHttpClient()
    const headers = { authorization: 'Bearer secret' }
    const response = await requestFollowing(client, { url: `http://127.0.0.1:${server.port}/`, headers })
    expect(await response.text(10)).toBe('there')
    expect(response.url).toBe(`http://127.0.0.1:${other.port}/end`)
    expect(seen).toEqual(['Bearer secret', 'Bearer secret', null])
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
    const error = await thrownBy(() => requestFollowing(client, { url: `http://127.0.0.1:${server.port}/` }))
    expect(error).toMatchObject({ code: 'bad-response' })
    expect(asked).toBe(21)
  })

  test('refuses to leave HTTP', async () => {
    using server = Bun.serve({
      port: 0,
      fetch: () => new Response(null, { status: 302, headers: { location: 'file:///etc/passwd' } }),
    })
    await using client = createHttpClient()
    const error = await thrownBy(() => requestFollowing(client, { url: `http://127.0.0.1:${server.port}/` }))
    expect(error).toMatchObject({ code: 'bad-response' })
  })
})

test('a URL in a message shows neither user, query nor fragment', () => {
  expect(redactUrl('https://me:pw@cdn.test:1/a/b?Signature=s#f')).toBe('https://cdn.test:1/a/b?…')
  expect(redactUrl('https://cdn.test/a')).toBe('https://cdn.test/a')
  expect(redactUrl('no url')).toBe('an unreadable URL')
})
