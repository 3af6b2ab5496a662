import { describe, expect, test } from 'bun:test'
import type { BlobSource } from '../../src/blob/blob-source.ts'
import { RangeIgnoredError } from '../../src/http/ranges/range-request.ts'
import { HubBlobSource } from '../../src/hub/hub-blob-source.ts'
import type { HubClient } from '../../src/hub/hub-client.ts'
import { bytesOf } from '../support/http/bytes-of.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { variedRepo } from '../support/hub/fixtures.ts'
import { startTestHub, type TestHub, type TestHubOptions } from '../support/hub/test-hub.ts'
import { clientOf, oidOf, sourceOf, varied } from './hub-fixture.ts'
import { listedFiles } from './listed-files.ts'

const weights = 'weights/model.safetensors'
const { signal } = new AbortController()
const start = (options: TestHubOptions = {}) => startTestHub({ repos: [variedRepo()], ...options })

describe('a blob of the Hub', () => {
  test('is a source as the engine wants it', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights)
    const asEngineSees: BlobSource = source
    expect([asEngineSees.kind, asEngineSees.name]).toEqual(['hub', 'hub'])
  })

  test('gives every file of a repo exactly, whatever its name and size', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { commit } = await client.resolveRevision(varied, 'main')
    let files = 0
    for (const { path, oid, size } of await listedFiles(client, varied, commit)) {
      const source = new HubBlobSource(client.session, varied, { commit, path, oid, size })
      const bytes = await bytesOf(await source.open({ start: 0, end: size }, { signal }))
      expect([path, oidOf(bytes, oid)]).toEqual([path, oid])
      files += 1
    }
    expect(files).toBeGreaterThan(10)
  })

  test('asks for its place once, however many ranges are opened at the same time', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source, size, oid } = await sourceOf(client, weights)
    hub.resetStats()
    const starts = Array.from({ length: 10 }, (_, index) => (index * size) / 10)
    const parts = await Promise.all(
      starts.map(async (at) => bytesOf(await source.open({ start: at, end: at + size / 10 }, { signal }))),
    )
    expect(oidOf(Buffer.concat(parts), oid)).toBe(oid)
    expect(hub.stats().kinds.resolve?.requests).toBe(1)
    expect(hub.stats().cdn.requests).toBe(10)
  })

  test('reads a regular file from the first answer, with no question apart', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source, size } = await sourceOf(client, 'config.json')
    hub.resetStats()
    await bytesOf(await source.open({ start: 0, end: size }, { signal }))
    expect(hub.requests.map(({ method, kind }) => `${method} ${kind}`)).toEqual([
      'GET resolve',
      'GET resolve-cache',
    ])
  })

  test('starts at the place that the metadata told', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source, size } = await sourceOf(client, weights, { withLocation: true })
    hub.resetStats()
    await bytesOf(await source.open({ start: 5, end: size }, { signal }))
    expect(hub.requests.map(({ kind }) => kind)).toEqual(['cdn'])
  })

  test('renews a signed address that the CDN refuses, once for all ranges', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights, { withLocation: true })
    hub.signer.expireAll()
    hub.resetStats()
    const ranges = [0, 1, 2, 3].map((start) => ({ start, end: start + 100 }))
    await Promise.all(ranges.map(async (range) => bytesOf(await source.open(range, { signal }))))
    expect(hub.stats().kinds.resolve?.requests).toBe(1)
    expect(hub.stats().cdn.statuses).toEqual({ 403: 4, 206: 4 })
  })

  test('renews a signed address before it expires', async () => {
    await using hub = await start({ urlLifetimeMs: 100_000 })
    await using client = clientOf(hub.url)
    let now = Date.now()
    const { source } = await sourceOf(client, weights, { now: () => now, withLocation: true })
    hub.resetStats()
    await bytesOf(await source.open({ start: 0, end: 10 }, { signal }))
    expect(hub.stats().hub.requests).toBe(0)
    now += 90_000
    await bytesOf(await source.open({ start: 0, end: 10 }, { signal }))
    expect(hub.stats().hub.requests).toBe(1)
    expect(hub.stats().cdn.statuses).toEqual({ 206: 2 })
  })

  test('gives up on a CDN that refuses a fresh address too', async () => {
    await using hub = await start({ faults: [{ match: { side: 'cdn' }, status: 403 }] })
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights)
    const error = await thrownBy(() => source.open({ start: 0, end: 10 }, { signal }))
    expect(error).toMatchObject({ code: 'hub-error', retryable: true })
    expect(String(error)).not.toContain('Signature')
    expect(hub.stats().cdn.requests).toBe(2)
  })

  test('follows a CDN that redirects, and sends it no token', async () => {
    const users = [{ name: 'ann', token: 'hf_secret', access: [varied.id] }]
    const repos = [{ ...variedRepo(), private: true }]
    await using hub = await start({ repos, users, faults: [{ match: { side: 'cdn' }, hop: true }] })
    await using client = clientOf(hub.url, { token: 'hf_secret' })
    const { source, size, oid } = await sourceOf(client, weights)
    const bytes = await bytesOf(await source.open({ start: 0, end: size }, { signal }))
    expect(oidOf(bytes, oid)).toBe(oid)
    expect(hub.stats().cdn.authorizations).toEqual([])
    expect(hub.stats().violations).toEqual([])
  })

  test('notices a server that ignores ranges, and still gives the whole file', async () => {
    await using hub = await start({ faults: [{ match: { side: 'cdn' }, ignoreRange: true }] })
    await using client = clientOf(hub.url)
    const { source, size, oid } = await sourceOf(client, weights)
    const error = await thrownBy(() => source.open({ start: 1, end: 10 }, { signal }))
    expect(error).toBeInstanceOf(RangeIgnoredError)
    const bytes = await bytesOf(await source.open({ start: 0, end: size }, { signal }))
    expect(oidOf(bytes, oid)).toBe(oid)
  })

  test('asks the Hub anew when the ETag changes midway, and goes on if it means the same blob', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source, size, oid } = await sourceOf(client, weights)
    const first = await bytesOf(await source.open({ start: 0, end: 10 }, { signal }))
    hub.addFault({ match: { side: 'cdn' }, headers: { ETag: '"other"' } })
    hub.resetStats()
    const rest = await bytesOf(await source.open({ start: 10, end: size }, { signal }))
    expect(oidOf(Buffer.concat([first, rest]), oid)).toBe(oid)
    expect(hub.stats().kinds.resolve?.requests).toBe(1)
  })

  test('notices an ETag that changes midway because the Hub means another blob by now', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights)
    await bytesOf(await source.open({ start: 0, end: 10 }, { signal }))
    hub.addFault({ match: { side: 'cdn' }, headers: { ETag: '"other"' } })
    hub.addFault({ match: { kind: 'resolve' }, headers: { 'X-Linked-Etag': `"${'0'.repeat(64)}"` } })
    const error = await thrownBy(() => source.open({ start: 10, end: 20 }, { signal }))
    expect(error).toMatchObject({ code: 'bad-response', name: 'ContentChangedError' })
  })

  test('notices a Hub that means another blob or another size by now', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    for (const headers of [{ 'X-Linked-Etag': `"${'0'.repeat(64)}"` }, { 'X-Linked-Size': '299999' }]) {
      const { source } = await sourceOf(client, weights)
      const fault = hub.addFault({ match: { kind: 'resolve' }, headers })
      const error = await thrownBy(() => source.open({ start: 0, end: 10 }, { signal }))
      expect(error).toMatchObject({ code: 'bad-response', name: 'ContentChangedError' })
      fault.remove()
    }
  })

  test('notices a CDN whose file has another size', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights, { blob: { size: 300_001 }, withLocation: true })
    const error = await thrownBy(() => source.open({ start: 0, end: 10 }, { signal }))
    expect(error).toMatchObject({ code: 'bad-response', name: 'ContentChangedError' })
  })

  test('reports a connection that breaks off as something to try again', async () => {
    await using hub = await start({ faults: [{ match: { side: 'cdn' }, cutAfter: 1000 }] })
    await using client = clientOf(hub.url)
    const { source, size } = await sourceOf(client, weights)
    const body = await source.open({ start: 0, end: size }, { signal })
    expect(await thrownBy(() => bytesOf(body))).toMatchObject({ code: 'network', retryable: true })
  })

  test('passes on how long a limiting Hub asks to wait', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights)
    hub.addFault({ status: 429, headers: { RateLimit: '"resolvers";r=0;t=7' } })
    const error = await thrownBy(() => source.open({ start: 0, end: 10 }, { signal }))
    expect(error).toMatchObject({ code: 'rate-limited', retryable: true, retryAfterMs: 8000 })
  })

  test('ends with the reason of its signal', async () => {
    await using hub = await start({ faults: [{ match: { side: 'cdn' }, stallAfter: 10 }] })
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights)
    const stop = new AbortController()
    const body = await source.open({ start: 0, end: 1000 }, { signal: stop.signal })
    const reading = thrownBy(() => bytesOf(body))
    await hub.until(({ cdn }) => cdn.bodyBytes === 10)
    const reason = new Error('enough')
    stop.abort(reason)
    expect(await reading).toBe(reason)
  })

  test('asks once for all waiting ranges while the Hub is down', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, weights)
    hub.stop('hub')
    const opens = [0, 1, 2].map((start) => thrownBy(() => source.open({ start, end: 9 }, { signal })))
    const errors = await Promise.all(opens)
    expect(errors[0]).toMatchObject({ code: 'network' })
    expect(new Set(errors).size).toBe(1)
  })

  test('needs no request for an empty file or range', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { source } = await sourceOf(client, 'empty.bin')
    hub.resetStats()
    expect(await bytesOf(await source.open({ start: 0, end: 0 }, { signal }))).toHaveLength(0)
    expect(hub.requests).toHaveLength(0)
  })
})

describe('a plain file of a commit of which others were fetched', () => {
  const folder = {
    id: 'o/many',
    commits: [Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`x/${name}`, name]))],
  }
  const repo = { type: 'model', id: 'o/many' } as const

  /** Fetches the files one after the other, and gives what each was asked for by. */
  async function fetchAll(hub: TestHub, client: HubClient): Promise<string[][]> {
    const { commit } = await client.resolveRevision(repo, 'main')
    const asked: string[][] = []
    for (const { path, oid, size } of await listedFiles(client, repo, commit)) {
      hub.resetStats()
      const source = client.openSource(repo, { commit, path, oid, size }, { guesses: true })
      const bytes = await bytesOf(await source.open({ start: 0, end: size }, { signal }))
      expect([path, oidOf(bytes, oid)]).toEqual([path, oid])
      asked.push(hub.requests.map(({ kind }) => kind))
    }
    return asked
  }
  const bothWays = ['resolve', 'resolve-cache']

  test('is asked for where it must be', async () => {
    await using hub = await startTestHub({ repos: [folder] })
    await using client = clientOf(hub.url)
    const asked = await fetchAll(hub, client)
    expect(asked).toEqual([bothWays, bothWays, ['resolve-cache'], ['resolve-cache']])
  })

  test('is asked for by its own address when it is not there, and all others too', async () => {
    await using hub = await startTestHub({ repos: [folder] })
    hub.addFault({ match: { kind: 'resolve-cache' }, skip: 2, times: 1, status: 404 })
    await using client = clientOf(hub.url)
    const asked = await fetchAll(hub, client)
    expect(asked).toEqual([bothWays, bothWays, ['resolve-cache', ...bothWays], bothWays])
  })

  test('is left alone where the Hub asks for that', async () => {
    await using hub = await startTestHub({ repos: [folder] })
    hub.addFault({ match: { kind: 'resolve-cache' }, skip: 2, times: 1, status: 429 })
    await using client = clientOf(hub.url)
    expect(await thrownBy(() => fetchAll(hub, client))).toMatchObject({ code: 'rate-limited' })
  })

  test('leaves so many requests as the Hub says', async () => {
    const quotas = { api: 100, resolvers: 20, pages: 100, windowSeconds: 300 }
    await using hub = await startTestHub({ repos: [folder], quotas })
    await using client = clientOf(hub.url)
    expect(client.requestsLeft).toBeUndefined()
    const asked = await fetchAll(hub, client)
    expect(client.requestsLeft).toBe(quotas.resolvers - asked.flat().length)
  })
})
