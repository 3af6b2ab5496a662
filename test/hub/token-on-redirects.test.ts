import { describe, expect, test } from 'bun:test'
import { isCommit, parseOid } from '../../src/blob/oid.ts'
import type { HttpClient } from '../../src/http/http-client.ts'
import { HubBlobSource } from '../../src/hub/hub-blob-source.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import { bytesOf } from '../support/http/bytes-of.ts'
import { startRedirectingServers } from '../support/http/redirecting-servers.ts'
import { redirectingClient, type SeenRequest, scriptedClient } from '../support/http/scripted-client.ts'
import { clientOf, varied } from './hub-fixture.ts'

const bearer = 'Bearer hf_secret'
const commit = 'c'.repeat(40)
const oid = parseOid('a'.repeat(64))

function hubOf(endpoint: string, http: HttpClient): HubClient {
  return new HubClient({ endpoint, http, userAgent: 'dfhf/test', token: 'hf_secret', retry: { retries: 0 } })
}

/** Where each request went and what it carried. */
function carried(seen: readonly SeenRequest[]) {
  return seen.map(({ url, headers }) => [new URL(url).origin, headers.authorization])
}

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
  ])('from %s to %s: kept %p', async (from, to, isKept) => {
    const http = redirectingClient([from, to], { status: 200 })
    await hubOf(new URL(from).origin, http).session.sendFollowing({ url: from })
    expect(http.seen.map(({ url }) => url)).toEqual([from, to])
    expect(http.seen[1]?.headers.authorization).toBe(isKept ? bearer : undefined)
  })

  test('takes the other headers along', async () => {
    const http = redirectingClient(['https://a.test/', 'https://b.test/'], { status: 200 })
    const { session } = hubOf('https://a.test', http)
    await session.sendFollowing({ url: 'https://a.test/', headers: { range: 'z' } })
    expect(http.seen.map(({ headers }) => headers)).toEqual([
      { range: 'z', 'user-agent': 'dfhf/test', authorization: bearer },
      { range: 'z', 'user-agent': 'dfhf/test' },
    ])
  })

  test('is dropped on the way to another origin, and is not there again on the way back', async () => {
    const urls = ['https://hub.test/a', 'https://cdn.test/b', 'https://hub.test/c', 'https://cdn.test/d']
    const http = redirectingClient(urls, { status: 200 })
    await hubOf('https://hub.test', http).session.sendFollowing({ url: 'https://hub.test/a' })
    expect(carried(http.seen)).toEqual([
      ['https://hub.test', bearer],
      ['https://cdn.test', undefined],
      ['https://hub.test', bearer],
      ['https://cdn.test', undefined],
    ])
  })

  test('ends at the last answer and drops the token on the way to another origin', async () => {
    const seen: (string | null)[] = []
    using servers = startRedirectingServers(({ headers }) => seen.push(headers.get('authorization')))
    await using client = clientOf(servers.start, { token: 'secret' })
    const response = await client.session.sendFollowing({ url: servers.start })
    expect(await response.text(10)).toBe('there')
    expect(response.url).toBe(servers.end)
    expect(seen).toEqual(['Bearer secret', 'Bearer secret', null])
  })
})

describe('the token on the way to a file', () => {
  const start = `https://hub.test/${varied.id}/resolve/main/w.bin`

  test('stays behind where its description is on another port of the Hub', async () => {
    const http = redirectingClient([start, 'https://hub.test:8443/w.bin'], {
      status: 200,
      headers: { 'x-repo-commit': commit, 'x-linked-etag': `"${oid}"`, 'x-linked-size': '4' },
    })
    const found = await hubOf('https://hub.test', http).describeFile(varied, 'main', 'w.bin')
    expect(found.location).toBe('https://hub.test:8443/w.bin')
    expect(carried(http.seen)).toEqual([
      ['https://hub.test', bearer],
      ['https://hub.test:8443', undefined],
    ])
  })

  test('stays behind where the bytes are on other hosts', async () => {
    const place = 'https://cdn.test/w.bin'
    const http = scriptedClient(({ url }) => {
      if (url.startsWith('https://hub.test/')) return { status: 302, headers: { location: place } }
      if (url === place) return { status: 302, headers: { location: 'https://node.cdn.test/w.bin' } }
      return { status: 206, headers: { 'content-range': 'bytes 0-3/8' }, body: 'abcd' }
    })
    if (!isCommit(commit)) throw new Error('not a commit')
    const file = { commit, path: 'w.bin', oid, size: 8 }
    const source = new HubBlobSource(hubOf('https://hub.test', http).session, varied, file)
    const { signal } = new AbortController()
    expect(String(await bytesOf(await source.open({ start: 0, end: 4 }, { signal })))).toBe('abcd')
    expect(carried(http.seen)).toEqual([
      ['https://hub.test', bearer],
      ['https://cdn.test', undefined],
      ['https://node.cdn.test', undefined],
    ])
  })
})
