import { expect, test } from 'bun:test'
import { credentialsOf } from '../../src/gateway/access/credentials.ts'
import { askForFile } from '../../src/gateway/mirror/ask-for-file.ts'
import { HubUpstream } from '../../src/gateway/mirror/hub-upstream.ts'
import { UrlBlobSource } from '../../src/gateway/url-blob-source.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { redirectingClient, type SeenRequest } from '../support/http/scripted-client.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const authorization = 'Bearer hf_client'
const repo: Repo = { type: 'model', id: 'o/r' }
const { signal } = new AbortController()

function carried(seen: readonly SeenRequest[]) {
  return seen.map(({ url, headers }) => [new URL(url).origin, headers.authorization])
}

/** Asks for a file in a client's name, along `urls`. */
async function ask(...urls: readonly string[]) {
  const http = redirectingClient(urls, {
    status: 200,
    headers: {
      'x-repo-commit': 'c'.repeat(40),
      'x-linked-etag': `"${'a'.repeat(64)}"`,
      'x-linked-size': '4',
      'content-type': 'text/x',
    },
  })
  const hub = new HubUpstream({ endpoint: new URL('https://hub.test'), http })
  const credentials = credentialsOf(new Headers({ authorization }))
  const headers = { authorization, 'user-agent': 'them' }
  const target = '/o/r/resolve/main/w'
  const verdict = await askForFile(hub, { repo, path: 'w', target, headers, credentials, signal })
  return { verdict, seen: http.seen }
}

test('the token of a client stays behind where a file is described on another port of the Hub', async () => {
  const { verdict, seen } = await ask('https://hub.test/o/r/resolve/main/w', 'https://hub.test:8443/w')
  expect(verdict).toMatchObject({
    kind: 'file',
    fact: { size: 4, location: 'https://hub.test:8443/w', contentType: 'text/x' },
  })
  expect(carried(seen)).toEqual([
    ['https://hub.test', authorization],
    ['https://hub.test:8443', undefined],
  ])
})

test('the token of a client goes along to the Hub itself', async () => {
  const { seen } = await ask(
    'https://hub.test/o/r/resolve/main/w',
    'https://hub.test/new/w',
    'https://hf.co/w',
  )
  expect(carried(seen)).toEqual([
    ['https://hub.test', authorization],
    ['https://hub.test', authorization],
    ['https://hf.co', authorization],
  ])
})

test('another host is not asked for a description at all', async () => {
  const { verdict, seen } = await ask('https://hub.test/o/r/resolve/main/w', 'https://cdn.test/w')
  expect(verdict).toEqual({ kind: 'opaque' })
  expect(carried(seen)).toEqual([['https://hub.test', authorization]])
})

test("an address's own headers go to its origin alone, whatever it leads to", async () => {
  const http = redirectingClient(['https://store.test/a', 'https://store.test/b', 'https://cdn.test/c'], {
    status: 200,
  })
  const headers = { authorization: 'RemoteAuth x' }
  const url = new URL('https://store.test/a')
  const source = new UrlBlobSource(http, { url, size: 4, headers, mayFollow: () => true })
  await source.send({ method: 'HEAD', headers: { range: 'bytes=0-0' }, signal })
  expect(carried(http.seen)).toEqual([
    ['https://store.test', 'RemoteAuth x'],
    ['https://store.test', 'RemoteAuth x'],
    ['https://cdn.test', undefined],
  ])
  expect(http.seen.map(({ headers }) => headers.range)).toEqual(Array(3).fill('bytes=0-0'))
})

test('an address leads no further than it may', async () => {
  const http = redirectingClient(['https://store.test/a', 'https://cdn.test/c'], { status: 200 })
  const url = new URL('https://store.test/a')
  const source = new UrlBlobSource(http, { url, size: 4, mayFollow: () => false })
  const error = await thrownBy(() => source.send({ method: 'HEAD', headers: {}, signal }))
  expect(error).toMatchObject({ code: 'bad-response' })
  expect(http.seen).toHaveLength(1)
})
