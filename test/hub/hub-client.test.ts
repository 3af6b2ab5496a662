import { describe, expect, test } from 'bun:test'
import { errorRow, errorTable, isErrorCode } from '../../src/base/error-table.ts'
import { RateGate } from '../../src/http/rate-gate.ts'
import type { ListedFile } from '../../src/repo/file-ref.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { variedRepo } from '../support/hub/fixtures.ts'
import { startTestHub, type TestHubOptions } from '../support/hub/test-hub.ts'
import { clientOf, varied } from './hub-fixture.ts'
import { listedFiles } from './listed-files.ts'

const start = (options: TestHubOptions = {}) => startTestHub({ repos: [variedRepo()], ...options })
const weights = 'weights/model.safetensors'
const ann = { name: 'ann', token: 'hf_ann', access: [varied.id] }
const bob = { name: 'bob', token: 'hf_bob' }

describe('a revision', () => {
  test.each(['main', 'v1.0', 'feature/new-head', 'refs/pr/1', 'refs/convert/parquet'])(
    '%s resolves to its commit',
    async (revision) => {
      await using hub = await start()
      await using client = clientOf(hub.url)
      const info = await client.resolveRevision(varied, revision)
      expect(info).toEqual({
        id: varied.id,
        commit: info.commit,
        isPrivate: false,
        isGated: false,
        isDisabled: false,
      })
      expect(String(info.commit)).toBe(hub.repo(varied.id).resolve(revision)?.id ?? 'none')
    },
  )

  test('of a private and gated repo says so', async () => {
    const repos = [{ ...variedRepo(), private: true, gated: 'auto' as const }]
    await using hub = await start({ repos, users: [ann] })
    await using client = clientOf(hub.url, { token: ann.token })
    expect(await client.resolveRevision(varied, 'main')).toMatchObject({ isPrivate: true, isGated: true })
  })

  test('is of a public repo where the Hub says that it is public, and only then', async () => {
    for (const [kind, isPublic] of [
      [{}, true],
      [{ private: true }, false],
      [{ gated: 'auto' as const }, false],
    ] as const) {
      await using hub = await start({ repos: [{ ...variedRepo(), ...kind }], users: [ann] })
      await using client = clientOf(hub.url, { token: ann.token })
      expect([kind, await client.isPublic(varied, 'main')]).toEqual([kind, isPublic])
    }
  })

  test('is of a public repo where it was read without a token, and the Hub is not asked', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    expect(await client.isPublic(varied, 'main')).toBe(true)
    expect(hub.requests).toHaveLength(0)
  })

  test('is found in a short commit, and under the former name of the repo', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { commit } = await client.resolveRevision(varied, 'main')
    expect((await client.resolveRevision(varied, commit.slice(0, 8))).commit).toBe(commit)
    const former = { type: 'model', id: 'test-org/old-name' } as const
    expect((await client.resolveRevision(former, 'main')).id).toBe(varied.id)
    expect((await client.describeFile(former, 'main', 'config.json')).commit).toBe(commit)
  })
})

describe('the tree', () => {
  test('is walked over all its pages', async () => {
    await using hub = await start({ pageSize: 3 })
    await using client = clientOf(hub.url)
    const { commit } = await client.resolveRevision(varied, 'main')
    const files = await listedFiles(client, varied, commit)
    const expected = hub.repo(varied.id).resolve('main')?.files ?? new Map()
    expect(files.map(({ path }) => path).sort()).toEqual([...expected.keys()].sort())
    for (const file of files) {
      const { size, oid, gitId } = expected.get(file.path) ?? {}
      expect<unknown[]>([file.size, file.oid, file.blobId]).toEqual([size, oid, gitId])
      expect<boolean>(file.oid === file.blobId).toBe(file.oid.length === 40)
    }
    expect(hub.stats().kinds.tree?.requests).toBeGreaterThan(4)
  })

  test('never leads to another host', async () => {
    const next = '<https://evil.test/api/tree?cursor=x>; rel="next"'
    await using hub = await start({
      users: [ann],
      faults: [{ match: { kind: 'tree' }, headers: { Link: next } }],
    })
    await using client = clientOf(hub.url, { token: ann.token })
    const error = await thrownBy(() => listedFiles(client, varied, 'main'))
    expect(error).toMatchObject({ code: 'bad-response' })
    expect(String(error)).toContain('another host')
  })

  test('goes on at the mirror when the mirror passes on an address of the Hub', async () => {
    const next = `<https://huggingface.co/api/models/${varied.id}/tree/main?second=page>; rel="next"`
    const fault = { match: { kind: 'tree' as const }, times: 1, headers: { Link: next } }
    await using hub = await start({ faults: [fault] })
    await using client = clientOf(hub.url)
    await listedFiles(client, varied, 'main')
    expect(hub.requests.at(-1)?.target).toBe(`/api/models/${varied.id}/tree/main?second=page`)
  })

  test('that goes in circles ends in an error', async () => {
    const fault = {
      match: { kind: 'tree' as const },
      headers: { Link: `<https://huggingface.co/api/models/${varied.id}/tree/main?again>; rel="next"` },
    }
    await using hub = await start({ faults: [fault] })
    await using client = clientOf(hub.url)
    const error = await thrownBy(() => listedFiles(client, varied, 'main'))
    expect(error).toMatchObject({ code: 'bad-response' })
    expect(hub.requests).toHaveLength(2)
  })

  test.each(['../x', '/x', 'a\\..\\x', 'a/../../x', 'nul\0l'])(
    'with the path %p still tells of all others',
    async (path) => {
      const repos = [{ id: varied.id, commits: [{ 'good.txt': 'good', [path]: 'bad' }] }]
      await using hub = await start({ repos })
      await using client = clientOf(hub.url)
      const paths = (await listedFiles(client, varied, 'main')).map((file) => file.path)
      expect(paths.sort()).toEqual(['good.txt', path].sort())
    },
  )

  test.each(['', 'x'.repeat(5_000)])(
    'with a path that none can be is given with the others',
    async (path) => {
      const entry = { type: 'file', path, size: 1, oid: '6dcd4ce23d88e2ee9568ba546c007c63d9131c1b' }
      using server = Bun.serve({ port: 0, fetch: () => Response.json([entry]) })
      await using client = clientOf(`http://127.0.0.1:${server.port}`)
      const paths = (await listedFiles(client, varied, 'main')).map((file) => file.path)
      expect(paths).toEqual([path])
    },
  )

  test.each([
    ['no list', '{}'],
    ['no JSON', '<html>'],
    ['a file without size', '[{"type":"file","path":"a","oid":"6dcd4ce23d88e2ee9568ba546c007c63d9131c1b"}]'],
    [
      'a negative size',
      '[{"type":"file","path":"a","size":-1,"oid":"6dcd4ce23d88e2ee9568ba546c007c63d9131c1b"}]',
    ],
    ['an oid that is none', '[{"type":"file","path":"a","size":1,"oid":"../../x"}]'],
    [
      'an LFS oid that is none',
      '[{"type":"file","path":"a","size":1,"oid":"6dcd4ce23d88e2ee9568ba546c007c63d9131c1b","lfs":{"oid":"x"}}]',
    ],
  ])('that is %s is refused', async (_, body) => {
    using server = Bun.serve({ port: 0, fetch: () => new Response(body) })
    await using client = clientOf(`http://127.0.0.1:${server.port}`)
    const error = await thrownBy(() => listedFiles(client, varied, 'main'))
    expect(error).toMatchObject({ code: 'bad-response', retryable: false })
  })

  test('is asked for again when the Hub stumbles', async () => {
    const faults = [
      { match: { kind: 'tree' as const }, times: 1, status: 503 },
      { match: { kind: 'tree' as const }, skip: 1, times: 1, cutAfter: 20 },
    ]
    await using hub = await start({ faults })
    await using client = clientOf(hub.url)
    expect(await listedFiles(client, varied, 'main')).not.toHaveLength(0)
    expect(hub.requests).toHaveLength(3)
  })
})

describe('chosen paths', () => {
  test('are told in one question, without those that are not there', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const files = await client.pathsInfo(varied, 'main', [weights, 'odd/a+b&c=d.txt', 'nothing', 'odd'])
    expect(files.map(({ path }: ListedFile) => path)).toEqual([weights, 'odd/a+b&c=d.txt'])
    expect(hub.requests).toHaveLength(1)
  })
})

describe('the metadata of a file', () => {
  test('of LFS comes from the redirect itself, and leads to the CDN', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const found = await client.describeFile(varied, 'main', weights)
    expect(found).toMatchObject({ size: 300_000, oid: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(new URL(found.location).origin).toBe(hub.cdnUrl)
    expect(hub.requests.map(({ method, side }) => `${method} ${side}`)).toEqual(['HEAD hub'])
  })

  test('of a regular file comes from behind the redirect, over one connection', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    const { size, oid, location } = await client.describeFile(varied, 'main', 'a b/c d.txt')
    expect([size, oid.length]).toEqual([7, 40])
    expect(new URL(location).pathname).toStartWith('/api/resolve-cache/')
    expect(hub.requests.map(({ method, kind }) => `${method} ${kind}`)).toEqual([
      'HEAD resolve',
      'HEAD resolve-cache',
    ])
    expect(hub.stats().hub.highestConnections).toBe(1)
  })

  test('of a mirror that answers directly is pinned to the commit', async () => {
    const commit = '1'.repeat(40)
    const headers = { 'x-repo-commit': commit, etag: `"${'2'.repeat(40)}"`, 'content-length': '3' }
    using server = Bun.serve({ port: 0, fetch: () => new Response('abc', { headers }) })
    await using client = clientOf(`http://127.0.0.1:${server.port}/`)
    const found = await client.describeFile(varied, 'main', 'x')
    expect(found.location).toBe(`http://127.0.0.1:${server.port}/test-org/varied/resolve/${commit}/x`)
    expect(found.size).toBe(3)
  })

  test('that lacks the size is completed from paths-info', async () => {
    await using hub = await start()
    await using client = clientOf(hub.url)
    hub.addFault({
      match: { kind: 'resolve-cache' },
      headers: { 'Content-Length': null, 'Content-Encoding': 'gzip' },
    })
    expect((await client.describeFile(varied, 'main', 'config.json')).size).toBeGreaterThan(0)
    hub.addFault({ match: { kind: 'resolve' }, headers: { 'X-Linked-Size': null, 'X-Linked-Etag': '"odd"' } })
    expect(await client.describeFile(varied, 'main', weights)).toMatchObject({
      size: 300_000,
      oid: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
  })

  test('from something that is no Hub says so', async () => {
    using server = Bun.serve({ port: 0, fetch: () => new Response('welcome') })
    await using client = clientOf(`http://127.0.0.1:${server.port}`)
    const error = await thrownBy(() => client.describeFile(varied, 'main', 'x'))
    expect(error).toMatchObject({ code: 'bad-response', hint: expect.stringContaining('HF_ENDPOINT') })
  })

  test('is asked for once when a copy is cached, and patiently when none is', async () => {
    await using hub = await start({ faults: [{ match: { kind: 'resolve' }, status: 500 }] })
    await using client = clientOf(hub.url)
    const once = await thrownBy(() => client.describeFile(varied, 'main', weights, { isCached: true }))
    expect(once).toMatchObject({ code: 'hub-error', retryable: true })
    expect(hub.requests).toHaveLength(1)
    await thrownBy(() => client.describeFile(varied, 'main', weights))
    expect(hub.requests).toHaveLength(7)
  })

  test('waits as long as a limiting Hub asks', async () => {
    const waits: number[] = []
    const wait = async (ms: number) => void waits.push(ms)
    const limited = { status: 429, headers: { RateLimit: '"resolvers";r=0;t=30' } }
    await using hub = await start({ faults: [{ ...limited, times: 1 }] })
    // The gate keeps the same time; its clock goes on with the pause.
    let now = 0
    const rateGate = new RateGate({ clock: () => now })
    const waiting = async (ms: number) => {
      now += ms
      await wait(ms)
    }
    await using client = clientOf(hub.url, { retry: { wait: waiting }, connect: { rateGate } })
    await client.describeFile(varied, 'main', weights)
    expect(waits).toEqual([31_000])
  })
})

describe('a refusal of the Hub is told in words', () => {
  const metadataError = async (options: {
    hub?: TestHubOptions
    token?: string
    repo?: string
    revision?: string
    path?: string
  }) => {
    await using hub = await start({ users: [ann, bob], ...options.hub })
    const tokenFrom = 'HF_TOKEN'
    await using client = clientOf(hub.url, { token: options.token, tokenFrom })
    const repo = { type: 'model', id: options.repo ?? varied.id } as const
    const error = await thrownBy(() =>
      client.describeFile(repo, options.revision ?? 'main', options.path ?? weights),
    )
    return { error, text: String(error), url: hub.url }
  }
  const gated = { repos: [{ ...variedRepo(), gated: 'manual' as const }] }

  test('no such repo, for a user without a token', async () => {
    const { error, text } = await metadataError({ repo: 'org/none' })
    expect(error).toMatchObject({ code: 'repo-not-found', hint: expect.stringContaining('HF_TOKEN') })
    expect(text).toContain('no repo org/none on http://127.0.0.1')
  })

  test('no such repo, for a user whose token may lack access', async () => {
    const { error } = await metadataError({
      hub: { repos: [{ ...variedRepo(), private: true }] },
      token: bob.token,
    })
    expect(error).toMatchObject({
      code: 'repo-not-found',
      hint: expect.stringContaining('the token from HF_TOKEN has no access'),
    })
  })

  test('no such revision', async () => {
    const { error, text } = await metadataError({ revision: 'no/such' })
    expect(error).toMatchObject({ code: 'revision-not-found' })
    expect(text).toContain("no revision 'no/such' in test-org/varied")
  })

  test('no such file, with the commit that lacks it', async () => {
    const { error, text } = await metadataError({ path: 'none.bin' })
    expect(error).toMatchObject({ code: 'file-not-found', commit: expect.stringMatching(/^[0-9a-f]{40}$/) })
    expect(text).toContain("no file 'none.bin' in test-org/varied at main")
  })

  test('gated, without a token', async () => {
    const { error, url } = await metadataError({ hub: gated })
    expect(error).toMatchObject({ code: 'gated', hint: expect.stringContaining(`${url}/${varied.id}`) })
  })

  test('gated, with a token that has no access', async () => {
    const { error, text } = await metadataError({ hub: gated, token: bob.token })
    expect(error).toMatchObject({ code: 'gated', hint: expect.stringContaining('licence') })
    expect(text).toContain('token from HF_TOKEN has no access')
  })

  test('a token that the Hub does not know', async () => {
    const { error, text } = await metadataError({ token: 'hf_wrong' })
    expect(error).toMatchObject({ code: 'unauthorized', hint: expect.stringContaining('/settings/tokens') })
    expect(text).not.toContain('hf_wrong')
  })

  test('disabled', async () => {
    const { error } = await metadataError({ hub: { repos: [{ ...variedRepo(), disabled: true }] } })
    expect(error).toMatchObject({ code: 'forbidden', retryable: false })
  })

  test('anything else, with its message and the id of the request', async () => {
    const headers = { 'X-Error-Message': 'The teapot is short', 'X-Request-Id': 'Root=1-abc' }
    const { error, text } = await metadataError({ hub: { faults: [{ status: 418, headers }] } })
    expect(error).toMatchObject({ code: 'hub-error', retryable: false })
    expect(text).toContain(
      'the Hub answered 418 for test-org/varied at main: The teapot is short (request Root=1-abc)',
    )
  })

  test('each that the Hub has a name for, by that name', async () => {
    const named = Object.keys(errorTable)
      .filter(isErrorCode)
      .flatMap((code) => {
        const { hubCode, status } = errorRow(code)
        return hubCode === undefined ? [] : [{ code, hubCode, status }]
      })
    for (const { code, hubCode, status } of named) {
      const headers = { 'X-Error-Code': hubCode, 'X-Error-Message': 'Not for you' }
      const { error } = await metadataError({ hub: { faults: [{ status, headers }] } })
      expect(error).toMatchObject({ code })
    }
  })

  test('in a body as well as in a header', async () => {
    using server = Bun.serve({
      port: 0,
      fetch: () => Response.json({ error: ['one', 'two'] }, { status: 400 }),
    })
    await using client = clientOf(`http://127.0.0.1:${server.port}`)
    const error = await thrownBy(() => client.resolveRevision(varied, 'main'))
    expect(String(error)).toContain('answered 400 for test-org/varied at main: one; two')
  })

  test('too many requests, where a copy is here', async () => {
    const faults = [{ status: 429, headers: { RateLimit: '"resolvers";r=0;t=9' } }]
    await using hub = await start({ faults })
    await using client = clientOf(hub.url)
    const error = await thrownBy(() => client.describeFile(varied, 'main', weights, { isCached: true }))
    expect(error).toMatchObject({ code: 'rate-limited', retryAfterMs: 10_000 })
    expect(String(error)).toContain('10 s')
  })

  test('too many requests, for good', async () => {
    await using hub = await start({ faults: [{ status: 429 }] })
    await using client = clientOf(hub.url, { connect: { rateGate: new RateGate({ patienceMs: 500 }) } })
    const error = await thrownBy(() => client.describeFile(varied, 'main', weights))
    expect(error).toMatchObject({ code: 'rate-limited', retryable: false })
    expect(String(error)).toMatch(/limits requests and let none through for \d s/)
  })

  test('a token that was kept back is mentioned where it would have helped', async () => {
    await using hub = await start(gated)
    await using client = clientOf(hub.url, {
      withheld: 'the token from HF_TOKEN is not sent to x over plain http',
    })
    const error = await thrownBy(() => client.describeFile(varied, 'main', weights))
    expect(String(error)).toContain('is not sent to x over plain http')
  })
})

describe('beside its answers', () => {
  test('the Hub’s warnings are passed on once a topic', async () => {
    await using hub = await start({ warnings: ['Authentication; please log in', 'Other; text; more'] })
    const told: string[] = []
    await using client = clientOf(hub.url, { onWarning: (topic, text) => told.push(`${topic}: ${text}`) })
    await client.resolveRevision(varied, 'main')
    await client.describeFile(varied, 'main', weights)
    expect(told).toEqual(['Authentication: please log in', 'Other: text; more'])
  })

  test('the token and the user agent go to the Hub, and the token nowhere else', async () => {
    await using hub = await start({ users: [ann] })
    await using client = clientOf(hub.url, { token: ann.token })
    await client.resolveRevision(varied, 'main')
    await listedFiles(client, varied, 'main')
    const { location } = await client.describeFile(varied, 'main', weights)
    const response = await client.session.sendFollowing({ url: location })
    await response.discard()
    expect(hub.stats().hub.authorizations).toEqual(['Bearer hf_ann'])
    expect(hub.stats().cdn.authorizations).toEqual([])
    expect(new Set(hub.requests.map(({ headers }) => headers['user-agent']))).toEqual(new Set(['dfhf/test']))
  })

  test('an endpoint that is no address is refused', async () => {
    for (const endpoint of ['huggingface.co', 'ftp://huggingface.co', 'https://', 'https://hub.test/?a=b']) {
      expect(() => clientOf(endpoint)).toThrow('HF_ENDPOINT is no address')
    }
    expect(() => clientOf('https://me:secret@hub.test')).toThrow('https://…@hub.test')
  })
})
