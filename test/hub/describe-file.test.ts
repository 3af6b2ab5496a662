import { describe, expect, test } from 'bun:test'
import { HubSession } from '../../src/hub/hub-session.ts'
import { describeFile } from '../../src/hub/responses/describe-file.ts'
import { walkToHead } from '../../src/hub/responses/file-head.ts'
import { PlainEtags } from '../../src/hub/responses/plain-etags.ts'
import { scriptedClient } from '../support/http/scripted-client.ts'
import { varied } from './hub-fixture.ts'

const endpoint = new URL('https://hub.test')
const start = new URL('https://hub.test/f')
const commit = 'c'.repeat(40)
const git = 'a'.repeat(40)
const listed = { type: 'file', path: 'f', oid: 'b'.repeat(40), size: 7 }

/** What is read from one answer to a HEAD, and what was asked for that. */
async function read(
  headers: Readonly<Record<string, string>>,
  options: { readonly plainEtags?: PlainEtags; readonly listing?: readonly object[] } = {},
): Promise<{ readonly kind?: string; readonly described?: unknown; readonly asked: readonly string[] }> {
  const { plainEtags, listing = [listed] } = options
  const http = scriptedClient(({ method }) =>
    method === 'HEAD' ? { status: 200, headers } : { status: 200, body: JSON.stringify(listing) },
  )
  const session = new HubSession({ endpoint: endpoint.href, http, userAgent: 'test', plainEtags })
  const head = await walkToHead(start, endpoint, (request) => session.send(request))
  const asked = () => http.seen.map(({ method }) => method)
  if (head.kind !== 'found') return { kind: head.kind, asked: asked() }
  const described = await describeFile(session, head, { repo: varied, path: 'f', signal: undefined })
  return { described, asked: asked() }
}

function disproved(): PlainEtags {
  const etags = new PlainEtags()
  etags.disprove()
  return etags
}

describe('a file is read', () => {
  const plain = { 'x-repo-commit': commit, etag: `"${git}"`, 'content-length': '5' }
  const file = { commit, path: 'f', oid: git, size: 5, location: start.href }

  test('from the headers of a HEAD, its ETag being unsure', async () => {
    expect(await read(plain)).toEqual({
      described: { file: { ...file, isOidUnsure: true }, isInHead: true },
      asked: ['HEAD'],
    })
  })

  test("from the Hub's own words about an LFS file, which are sure", async () => {
    const oid = 'd'.repeat(64)
    const linked = { ...plain, 'x-linked-etag': `"${oid}"`, 'x-linked-size': '9' }
    const sure = { file: { ...file, oid, size: 9, isOidUnsure: false }, isInHead: true }
    expect(await read(linked)).toEqual({ described: sure, asked: ['HEAD'] })
    expect(await read(linked, { plainEtags: disproved() })).toEqual({ described: sure, asked: ['HEAD'] })
  })

  const fromListing = {
    described: { file: { ...file, oid: listed.oid, size: listed.size }, isInHead: false },
    asked: ['HEAD', 'POST'],
  }

  test('from the listing where ETags are known to be no git ids', async () => {
    expect(await read(plain, { plainEtags: disproved() })).toEqual(fromListing)
  })

  test.each([
    ['no ETag', { etag: 'W/"x"' }],
    ['no length', { 'content-length': '' }],
    ['a length of nothing, as some proxies answer every HEAD', { 'content-length': '0' }],
    ['the length of packed bytes', { 'content-encoding': 'gzip' }],
  ])('from the listing where the headers have %s', async (_what, instead) => {
    expect(await read({ ...plain, ...instead })).toEqual(fromListing)
  })

  test('not at all where the listing lacks it', async () => {
    const { described } = await read({ ...plain, etag: '' }, { listing: [{ ...listed, path: 'g' }] })
    expect(described).toBeUndefined()
  })

  test('not at all from what names no commit', async () => {
    expect(await read({ etag: plain.etag, 'content-length': '5' })).toMatchObject({ kind: 'foreign' })
  })
})
