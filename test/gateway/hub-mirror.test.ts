import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { variedRepo } from '../support/hub/fixtures.ts'
import type { RepoSpec } from '../support/hub/repo.ts'
import { openTestGateway } from './gateway-fixture.ts'

const MiB = 2 ** 20
const data: RepoSpec = {
  id: 'org/data',
  commits: [
    {
      'big.bin': { seed: 'big', size: 24 * MiB, lfs: true },
      'a.json': '{"a":1}',
      'empty.bin': { text: '', lfs: true },
      'empty.txt': '',
    },
  ],
}
const users = [
  { name: 'in', token: 'hf_in', access: ['org/secret'] },
  { name: 'out', token: 'hf_out' },
]

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('a HEAD of a file', () => {
  test('is answered at once with all that a client reads, for LFS and regular files', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    const { hub, url } = gateway
    const commit = hub.repo('org/data').resolve('main')
    for (const path of ['big.bin', 'a.json']) {
      const file = commit?.files.get(path)
      const answer = await fetch(`${url}/org/data/resolve/main/${path}`, {
        method: 'HEAD',
        redirect: 'manual',
      })
      const { headers } = answer
      expect(answer.status).toBe(200)
      expect(headers.get('x-repo-commit')).toBe(commit?.id ?? '')
      expect(headers.get('etag')).toBe(`"${file?.oid}"`)
      expect(headers.get('content-length')).toBe(String(file?.size))
      expect(headers.get('accept-ranges')).toBe('bytes')
      expect(headers.get('x-linked-etag')).toBe(file?.lfs ? `"${file.oid}"` : null)
      expect(headers.get('x-linked-size')).toBe(file?.lfs ? String(file.size) : null)
      expect(headers.get('location')).toBeNull()
    }
  })

  test('asked by a hundred at once is one question to the Hub', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    const { hub, url } = gateway
    hub.addFault({ match: { kind: 'resolve' }, delayMs: 100 })
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => fetch(`${url}/org/data/resolve/main/big.bin`, { method: 'HEAD' })),
    )
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(hub.stats().kinds.resolve?.requests).toBe(1)
  })

  test('of a file, revision or repo that is not there says which in the Hub’s code, with the commit', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    const { hub, url } = gateway
    const codes = async (path: string) => {
      const { status, headers } = await fetch(`${url}${path}`, { method: 'HEAD' })
      return [status, headers.get('x-error-code'), headers.get('x-repo-commit')]
    }
    const commit = hub.repo('org/data').resolve('main')?.id ?? ''
    expect(await codes('/org/data/resolve/main/none')).toEqual([404, 'EntryNotFound', commit])
    expect(await codes('/org/data/resolve/nope/a.json')).toEqual([404, 'RevisionNotFound', null])
    expect(await codes('/org/none/resolve/main/a.json')).toEqual([401, 'RepoNotFound', null])
    const wrong = await fetch(`${url}/org/data/resolve/main/a.json`, {
      method: 'HEAD',
      headers: { authorization: 'Bearer hf_unknown' },
    })
    expect([wrong.status, wrong.headers.get('x-error-code')]).toEqual([401, null])
  })
})

describe('a GET of a file', () => {
  test('gives every odd name, every revision and a renamed repo the right bytes', async () => {
    await using gateway = await openTestGateway({ repos: [variedRepo()] })
    const { hub, url } = gateway
    const repo = hub.repo('test-org/varied')
    for (const revision of [
      'main',
      'v1.0',
      'feature/new-head',
      'refs/pr/1',
      repo.resolve('main')?.id ?? '',
    ]) {
      for (const [path, file] of repo.resolve(revision)?.files ?? []) {
        const encoded = path.split('/').map(encodeURIComponent).join('/')
        const answer = await fetch(
          `${url}/test-org/varied/resolve/${encodeURIComponent(revision)}/${encoded}`,
        )
        const bytes = await answer.bytes()
        expect([path, answer.status, bytes.length]).toEqual([path, 200, file.size])
        if (file.lfs) expect(sha256(bytes)).toBe(file.oid)
      }
    }
    const renamed = await fetch(`${url}/test-org/old-name/resolve/main/config.json`)
    expect(await renamed.json()).toEqual({ model_type: 'bert' })
  })

  test('of a resolve-cache address is the same file', async () => {
    await using gateway = await openTestGateway({ repos: [variedRepo()] })
    const commit = gateway.hub.repo('test-org/varied').resolve('main')?.id
    const answer = await fetch(
      `${gateway.url}/api/resolve-cache/models/test-org/varied/${commit}/nested%2Fdeep%2Fer%2Ffile.json`,
    )
    expect(await answer.json()).toEqual({ deep: true })
  })

  test('answers ranges, 304 and 416, before and after the bytes are here', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    const { hub, url } = gateway
    const file = `${url}/org/data/resolve/main/big.bin`
    const oid = hub.repo('org/data').resolve('main')?.files.get('big.bin')?.oid
    const get = (headers: Record<string, string>) => fetch(file, { headers })
    let whole: Uint8Array | undefined
    for (let round = 0; round < 2; round += 1) {
      const known = await get({ 'if-none-match': `W/"x", "${oid}"` })
      expect([known.status, (await known.bytes()).length]).toEqual([304, 0])
      const behind = await get({ range: `bytes=${24 * MiB}-` })
      expect([behind.status, behind.headers.get('content-range')]).toEqual([416, `bytes */${24 * MiB}`])
      const part = await (await get({ range: `bytes=${5 * MiB}-${9 * MiB}` })).bytes()
      const other = await get({ range: 'bytes=0-9', 'if-range': '"something else"' })
      whole = await other.bytes()
      expect([other.status, sha256(whole)]).toEqual([200, oid ?? ''])
      expect(Buffer.compare(part, whole.subarray(5 * MiB, 9 * MiB + 1))).toBe(0)
    }
  })

  test('of one byte asks the Hub for no more than that', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    const { hub, url } = gateway
    const answer = await fetch(`${url}/org/data/resolve/main/big.bin`, { headers: { range: 'bytes=0-0' } })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes 0-0/${24 * MiB}`])
    expect((await answer.bytes()).length).toBe(1)
    expect(hub.stats().cdn.bodyBytes).toBe(1)
  })

  test('of an empty file is an empty answer', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    for (const path of ['empty.bin', 'empty.txt']) {
      const answer = await fetch(`${gateway.url}/org/data/resolve/main/${path}`)
      expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '0'])
      expect((await answer.bytes()).length).toBe(0)
    }
  })

  test('by many at once is one copy from the Hub, also for one who reads slowly', async () => {
    await using gateway = await openTestGateway({ repos: [data], rates: { cdn: 40 * MiB } })
    const { hub, url } = gateway
    const oid = hub.repo('org/data').resolve('main')?.files.get('big.bin')?.oid
    const digests = await Promise.all(
      Array.from({ length: 20 }, async (_, reader) => {
        const hash = createHash('sha256')
        const answer = await fetch(`${url}/org/data/resolve/main/big.bin`)
        let chunks = 0
        for await (const chunk of answer.body ?? []) {
          hash.update(chunk)
          chunks += 1
          // The first reader is a slow one.
          if (reader === 0 && chunks % 20 === 0) await Bun.sleep(5)
        }
        return hash.digest('hex')
      }),
    )
    expect(new Set(digests)).toEqual(new Set([oid ?? '']))
    // A range that another connection took over may have bytes under way that this process does not read.
    expect(hub.stats().oids[oid ?? '']?.bodyBytes).toBeLessThan(1.3 * 24 * MiB)
  })

  test('of wrong bytes is broken off, and the log says why', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    gateway.hub.addFault({ match: { side: 'cdn' }, flip: [3 * MiB] })
    const file = `${gateway.url}/org/data/resolve/main/big.bin`
    for (const range of [undefined, `bytes=${4 * MiB}-`]) {
      const read = fetch(file, { headers: range === undefined ? {} : { range } }).then(async (answer) => {
        await answer.bytes()
        return answer.status
      })
      expect(await read.catch(() => 599)).toBeGreaterThanOrEqual(500)
    }
    expect(gateway.warnings.join('\n')).toMatch(/hash|wrong/)
  })
})

describe('what is said of a repo', () => {
  test('comes back without Xet, in tree, paths-info and info, and its token route is closed', async () => {
    await using gateway = await openTestGateway({
      repos: [
        { id: 'org/xet', xet: true, commits: [{ 'a.bin': { seed: 'a', size: 9, lfs: true }, b: 'b' }] },
      ],
    })
    const { hub, url } = gateway
    const ask = async (path: string, init?: RequestInit) => (await fetch(url + path, init)).text()
    const form = {
      method: 'POST',
      body: new URLSearchParams([
        ['paths', 'a.bin'],
        ['paths', 'b'],
      ]),
    }
    const json = {
      method: 'POST',
      body: JSON.stringify({ paths: ['a.bin', 'b'], expand: true }),
      headers: { 'content-type': 'application/json' },
    }
    for (const [path, init] of [
      ['/api/models/org/xet/tree/main?recursive=true'],
      ['/api/models/org/xet?blobs=true'],
      ['/api/models/org/xet/paths-info/main', form],
      ['/api/models/org/xet/paths-info/main', json],
    ] as const) {
      const direct = await (await fetch(hub.url + path, init)).text()
      const text = await ask(path, init)
      expect(text).not.toContain('xetHash')
      const expected = JSON.parse(direct, (key, value: unknown) => (key === 'xetHash' ? undefined : value))
      expect(JSON.parse(text)).toEqual(expected)
    }
    const head = await fetch(`${url}/org/xet/resolve/main/a.bin`, { method: 'HEAD' })
    expect([...head.headers.keys()].filter((name) => /xet|^link$/.test(name))).toEqual([])
    const token = await fetch(`${url}/api/models/org/xet/xet-read-token/main`)
    expect(token.status).toBe(404)
  })

  test('leads from page to page over the gateway', async () => {
    await using gateway = await openTestGateway({ repos: [variedRepo()], pageSize: 5 })
    const { hub, url } = gateway
    const paths: string[] = []
    let next: string | undefined = `${url}/api/models/test-org/varied/tree/main?recursive=true`
    while (next !== undefined) {
      const page: Response = await fetch(next)
      for (const { path } of (await page.json()) as { path: string }[]) paths.push(path)
      next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
      if (next !== undefined) expect(next).toStartWith(`${url}/`)
    }
    for (const path of hub.repo('test-org/varied').resolve('main')?.files.keys() ?? [])
      expect(paths).toContain(path)
  })

  test('goes to the Hub with the client’s own token and nothing of the way', async () => {
    await using gateway = await openTestGateway({
      repos: [{ ...data, private: true, id: 'org/secret' }],
      users,
    })
    const { hub, url } = gateway
    await fetch(`${url}/api/models/org/secret`, {
      headers: {
        authorization: 'Bearer hf_in',
        'proxy-authorization': 'Basic secret',
        cookie: 'token=x',
        connection: 'x-hop, keep-alive',
        'x-hop': '1',
        'user-agent': 'my/1.0',
      },
    })
    const asked = hub.requests.find(({ kind }) => kind === 'info')
    expect(asked?.headers).toMatchObject({ authorization: 'Bearer hf_in', 'user-agent': 'my/1.0' })
    expect(Object.keys(asked?.headers ?? {}).filter((name) => /^(proxy|cookie|x-hop)/.test(name))).toEqual([])
  })

  test('is asked for without what would make it an answer for one client alone', async () => {
    await using gateway = await openTestGateway({ repos: [data] })
    const { hub, url } = gateway
    const odd = { 'x-forwarded-host': 'evil.example', 'x-original-url': '/x', 'accept-language': 'xx' }
    for (const path of ['/api/models/org/data', '/org/data/resolve/main/a.json'])
      await (await fetch(url + path, { headers: { ...odd, 'user-agent': 'my/1.0' } })).bytes()
    const asked = hub.requests.filter(({ headers }) => headers['user-agent'] === 'my/1.0')
    expect(asked.length).toBeGreaterThanOrEqual(2)
    for (const { headers } of asked)
      for (const name of Object.keys(odd)) expect(headers).not.toHaveProperty(name)
  })

  test('is one question to the Hub when many ask it at once, but one for each token', async () => {
    await using gateway = await openTestGateway({
      repos: [{ ...data, private: true, id: 'org/secret' }],
      users,
    })
    const { hub, url } = gateway
    hub.addFault({ match: { kind: 'info' }, delayMs: 100 })
    const answers = await Promise.all(
      ['hf_in', 'hf_out'].flatMap((token) =>
        Array.from({ length: 20 }, () =>
          fetch(`${url}/api/models/org/secret`, { headers: { authorization: `Bearer ${token}` } }),
        ),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([...Array(20).fill(200), ...Array(20).fill(404)])
    // Besides, the gateway asks without a token whether the repo is public.
    const tokens = hub.requests.flatMap(({ kind, headers }) =>
      kind === 'info' ? [headers.authorization] : [],
    )
    expect(tokens.filter((token) => token !== undefined).sort()).toEqual(['Bearer hf_in', 'Bearer hf_out'])
  })
})

describe('while the Hub is down', () => {
  test('public files and lists go out with a Warning, private ones do not', async () => {
    await using gateway = await openTestGateway({
      repos: [data, { ...data, private: true, id: 'org/secret' }],
      users,
    })
    const { hub, url } = gateway
    const headers = { authorization: 'Bearer hf_in' }
    const list = '/api/models/org/data/tree/main?recursive=true'
    // Two revisions that mean the same: one answer is kept by asking, the other is what is remembered for a moment.
    for (const path of ['/org/data/resolve/main/a.json', list]) await (await fetch(url + path)).bytes()
    for (const path of ['/org/secret/resolve/main/a.json', '/api/models/org/secret'])
      await (await fetch(url + path, { headers })).bytes()
    // The client's own question, and one without a token about what it was told with one.
    await hub.until(({ kinds }) => (kinds.info?.requests ?? 0) >= 2)
    hub.stop('hub')
    hub.stop('cdn')
    const stale = await fetch(url + list)
    expect(stale.status).toBe(200)
    expect(stale.headers.get('warning')).toContain('111')
    expect(((await stale.json()) as unknown[]).length).toBe(4)
    expect((await fetch(`${url}/api/models/org/secret`, { headers })).status).toBe(502)
    expect((await fetch(`${url}/org/data/resolve/main/big.bin`)).status).toBe(502)
    expect(gateway.warnings).toHaveLength(1)
  })
})
