import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { hostilePaths, hostileRepo, variedRepo } from './fixtures.ts'
import { startTestHub } from './test-hub.ts'

const id = 'test-org/varied'
const manual = { redirect: 'manual' } as const

describe('the test hub', () => {
  test('redirects an LFS file to the CDN with all metadata on the redirect', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const answer = await fetch(`${hub.url}/${id}/resolve/main/weights/model.safetensors`, {
      ...manual,
      method: 'HEAD',
    })
    expect(answer.status).toBe(302)
    expect(answer.headers.get('x-repo-commit')).toBe(hub.repo(id).resolve('main')?.id ?? '')
    expect(answer.headers.get('x-linked-size')).toBe('300000')
    const oid = answer.headers.get('x-linked-etag')?.slice(1, -1) ?? ''
    const location = new URL(answer.headers.get('location') ?? '')
    expect(location.origin).toBe(hub.cdnUrl)
    expect(location.pathname.split('/').at(-1)).toBe(oid)
    const bytes = await (await fetch(location)).bytes()
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(oid)
    expect(hub.stats().oids[oid]).toEqual({ requests: 1, bodyBytes: 300_000, ranges: [''] })
  })

  test('redirects a regular file to its cached form, named by its git blob id', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const first = await fetch(`${hub.url}/${id}/resolve/main/a%20b/c%20d.txt`, manual)
    expect(first.status).toBe(307)
    const location = first.headers.get('location') ?? ''
    expect(location).toStartWith('/api/resolve-cache/models/test-org/varied/')
    expect(location).toContain('/a%20b%2Fc%20d.txt?')
    const second = await fetch(hub.url + location)
    expect(await second.text()).toBe('spaces\n')
    expect(second.headers.get('etag')).toBe(
      `"${createHash('sha1').update('blob 7\0spaces\n').digest('hex')}"`,
    )
    const again = await fetch(hub.url + location, {
      headers: { 'if-none-match': second.headers.get('etag') ?? '' },
    })
    expect(again.status).toBe(304)
  })

  test('answers ranges with 206 and what lies outside with 416', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const url = `${hub.url}/${id}/resolve/main/weights/model.safetensors`
    const whole = await (await fetch(url)).bytes()
    const part = await fetch(url, { headers: { range: 'bytes=299990-' } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe('bytes 299990-299999/300000')
    expect(await part.bytes()).toEqual(whole.slice(299_990))
    const outside = await fetch(url, { headers: { range: 'bytes=300000-' } })
    expect(outside.status).toBe(416)
    expect(outside.headers.get('content-range')).toBe('bytes */300000')
  })

  test('sends compressible text gzipped, chunked and without a length to those who take it', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const url = `${hub.url}/${id}/resolve/main/README.md`
    const zipped = await fetch(url, { headers: { 'accept-encoding': 'gzip' } })
    expect(zipped.headers.get('content-length')).toBeNull()
    expect(zipped.headers.get('etag')).toStartWith('W/"')
    const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } })
    expect(await zipped.text()).toBe(await plain.text())
    expect(plain.headers.get('content-length')).not.toBeNull()
  })

  test('lists a tree in pages that link to each other', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()], pageSize: 4 })
    const paths: string[] = []
    let pages = 0
    let url: string | undefined = `${hub.url}/api/models/${id}/tree/main?recursive=True&expand=false`
    while (url !== undefined) {
      const page: Response = await fetch(url)
      paths.push(...((await page.json()) as { path: string }[]).map(({ path }) => path))
      url = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
      pages += 1
    }
    const commit = hub.repo(id).resolve('main')
    const expected = [...(commit?.files.keys() ?? []), ...(commit?.trees.folders.keys() ?? [])].filter(
      Boolean,
    )
    expect(paths.toSorted()).toEqual(expected.toSorted())
    expect(pages).toBe(Math.ceil(paths.length / 4))
  })

  test('tells chosen paths by form and by JSON', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const url = `${hub.url}/api/models/${id}/paths-info/main`
    const paths = ['odd/100%.txt', 'missing', 'one-byte.bin', 'nested']
    const form = new URLSearchParams(paths.map((path): [string, string] => ['paths', path]))
    const byForm = (await (await fetch(url, { method: 'POST', body: form })).json()) as object[]
    const json = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paths }),
    }
    expect(await (await fetch(url, json)).json()).toEqual(byForm)
    expect(byForm).toHaveLength(3)
    expect(byForm[1]).toMatchObject({ size: 1, lfs: { size: 1, pointerSize: 126 } })
  })

  test('finds a revision by branch with slash, tag, ref, short and full commit', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const commit = hub.repo(id).resolve('feature/new-head')?.id ?? ''
    for (const revision of ['feature%2Fnew-head', 'refs%2Fpr%2F1', commit, commit.slice(0, 8)]) {
      const answer = await fetch(`${hub.url}/api/models/${id}/revision/${revision}`)
      expect(await answer.json()).toMatchObject({ id, sha: commit })
    }
  })

  test.each(hostilePaths)('lists a hostile path as it is: %j', async (path) => {
    await using hub = await startTestHub({ repos: [hostileRepo(path)] })
    const url = `${hub.url}/api/models/test-org/hostile`
    const tree = (await (await fetch(`${url}/tree/main?recursive=true`)).json()) as { path: string }[]
    expect(tree.map((entry) => entry.path)).toContain(path)
    expect(await (await fetch(url)).json()).toMatchObject({
      siblings: [{ rfilename: 'good.txt' }, { rfilename: path }],
    })
  })

  test('announces Xet only for a repo that has it', async () => {
    await using hub = await startTestHub({ repos: [{ ...variedRepo(), xet: true }, variedRepo('o/plain')] })
    for (const [repo, isAnnounced] of [
      [id, true],
      ['o/plain', false],
    ] as const) {
      const url = `${hub.url}/${repo}/resolve/main/one-byte.bin`
      const head = await fetch(url, { ...manual, method: 'HEAD' })
      expect(head.headers.has('x-xet-hash')).toBe(isAnnounced)
      const token = await fetch(`${hub.url}/api/models/${repo}/xet-read-token/main`)
      expect(token.status).toBe(isAnnounced ? 200 : 404)
    }
  })

  test('says in each answer what is left of the budget, and 429 when nothing is', async () => {
    const quotas = { api: 1, resolvers: 5, pages: 5, windowSeconds: 300 }
    await using hub = await startTestHub({ repos: [variedRepo()], quotas, warnings: ['topic; take care'] })
    const url = `${hub.url}/api/models/${id}`
    const first = await fetch(url)
    expect(first.headers.get('ratelimit')).toMatch(/^"api";r=0;t=\d+$/)
    expect(first.headers.get('x-hf-warning')).toBe('topic; take care')
    expect((await fetch(url)).status).toBe(429)
    hub.rateLimit.restart()
    expect((await fetch(url)).status).toBe(200)
  })

  test('redirects a renamed repo', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const answer = await fetch(`${hub.url}/test-org/old-name/resolve/main/config.json`, manual)
    expect(answer.headers.get('location')).toBe('/test-org/varied/resolve/main/config.json')
  })
})

describe('what the test hub refuses', () => {
  const errors = async (answer: Response) => [
    answer.status,
    answer.headers.get('x-error-code'),
    answer.headers.get('x-repo-commit'),
  ]

  test('a missing file or revision by 404 and code', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const commit = hub.repo(id).resolve('main')?.id ?? ''
    const file = await fetch(`${hub.url}/${id}/resolve/main/missing`)
    expect(await errors(file)).toEqual([404, 'EntryNotFound', commit])
    const revision = await fetch(`${hub.url}/${id}/resolve/nope/config.json`)
    expect(await errors(revision)).toEqual([404, 'RevisionNotFound', null])
  })

  test('a repo that is unknown or not for the caller', async () => {
    const users = [
      { name: 'in', token: 'hf_in', access: ['o/private', 'o/gated'] },
      { name: 'out', token: 'hf_out' },
    ]
    const commits = [{ f: 'x' }]
    await using hub = await startTestHub({
      users,
      repos: [
        { id: 'o/private', private: true, commits },
        { id: 'o/gated', gated: 'auto', commits },
      ],
    })
    const ask = async (repo: string, token?: string) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return errors(await fetch(`${hub.url}/${repo}/resolve/main/f`, { ...manual, headers }))
    }
    const commit = hub.repo('o/gated').resolve('main')?.id ?? ''
    expect(await ask('o/none')).toEqual([401, null, null])
    expect(await ask('o/none', 'hf_out')).toEqual([404, 'RepoNotFound', null])
    expect(await ask('o/private')).toEqual([401, null, null])
    expect(await ask('o/private', 'hf_out')).toEqual([404, 'RepoNotFound', null])
    expect(await ask('o/private', 'hf_in')).toEqual([307, null, commit])
    expect(await ask('o/gated')).toEqual([401, 'GatedRepo', null])
    expect(await ask('o/gated', 'hf_out')).toEqual([403, 'GatedRepo', null])
    expect(await ask('o/gated', 'hf_in')).toEqual([307, null, commit])
    expect(await ask('o/gated', 'hf_wrong')).toEqual([401, null, null])
  })

  test('a CDN URL that is expired or forged, and any token sent there', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    const answer = await fetch(`${hub.url}/${id}/resolve/main/one-byte.bin`, manual)
    const url = answer.headers.get('location') ?? ''
    expect((await fetch(url)).status).toBe(200)
    expect((await fetch(url.replace('Signature=', 'Signature=x'))).status).toBe(403)
    expect((await fetch(url, { headers: { authorization: 'Bearer x' } })).status).toBe(400)
    expect(hub.stats().violations).toHaveLength(1)
    hub.signer.expireAll()
    expect((await fetch(url)).status).toBe(403)
  })
})
