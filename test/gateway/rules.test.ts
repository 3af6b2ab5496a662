import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AllowList } from '../../src/gateway/access/allow-list.ts'
import { credentialsOf } from '../../src/gateway/access/credentials.ts'
import { isPublicAddress } from '../../src/gateway/access/public-address.ts'
import { KnownUrls } from '../../src/gateway/known-urls.ts'
import { parseHubTarget } from '../../src/gateway/mirror/hub-target.ts'
import { KeptAnswers } from '../../src/gateway/mirror/kept-answers.ts'
import { withoutXet } from '../../src/gateway/mirror/without-xet.ts'
import { answerHeaders, requestHeaders } from '../../src/gateway/relayed-headers.ts'
import { requestedRange } from '../../src/gateway/requested-range.ts'
import { ShortMemory } from '../../src/gateway/short-memory.ts'
import { HttpHeaders } from '../../src/http/http-headers.ts'
import { LineStream } from '../../src/serve/line-stream.ts'

const endpoint = new URL('https://huggingface.co')

describe('the list of allowed hosts', () => {
  const list = new AllowList(endpoint, ['cdn.example.org', '.wide.example', 'http://10.0.0.5:8080'])
  test.each([
    ['http://huggingface.co/x', 'https://huggingface.co'],
    ['https://huggingface.co:443/x', 'https://huggingface.co'],
    ['http://cdn-lfs.huggingface.co/x', 'https://cdn-lfs.huggingface.co'],
    ['http://cdn-lfs-us-1.huggingface.co/x', 'https://cdn-lfs-us-1.huggingface.co'],
    ['http://cas-bridge.xethub.hf.co/x', 'https://cas-bridge.xethub.hf.co'],
    ['http://cdn.example.org:9000/x', 'https://cdn.example.org:9000'],
    ['http://a.b.wide.example/x', 'https://a.b.wide.example'],
    ['http://10.0.0.5:8080/x', 'http://10.0.0.5:8080'],
  ])('lets %s be fetched from %s', (url, origin) => {
    expect(list.find(new URL(url))?.origin).toBe(origin)
  })
  test.each([
    'http://example.org/',
    'http://huggingface.co.evil.org/',
    'http://evilhf.co/',
    'http://huggingface.co:8080/',
    'http://wide.example/',
    'http://cdn-lfs.evil.huggingface.co/',
    'http://10.0.0.5/',
    'http://127.0.0.1/',
  ])('refuses %s', (url) => {
    expect(list.find(new URL(url))).toBeUndefined()
  })
  test.each([
    ['https://huggingface.co', 'http://cdn-lfs.huggingface.co/', true],
    ['https://huggingface.co', 'http://cdn-lfs-us-1.hf.co/', true],
    ['https://huggingface.co', 'http://cas-bridge.xethub.hf.co/', false],
    ['https://huggingface.co', 'http://hf.co/', false],
    ['https://huggingface.co', 'http://huggingface.co/', false],
    ['https://huggingface.co', 'http://cdn.example.org/', false],
    ['https://hub.example', 'http://hub.example/', false],
    ['https://hub.example', 'http://cdn.example.org/', true],
    ['https://hub.example', 'http://cdn.wide.example/', false],
    ['https://hub.example', 'http://cdn-lfs.hf.co/', true],
    ['https://hub.example', 'http://hf.co/', false],
  ])('with the Hub %s, %s is an LFS store: %p', (hub, url, isStore) => {
    const list = new AllowList(new URL(hub), ['cdn.example.org', '.wide.example'])
    expect(list.find(new URL(url))?.isLfsStore).toBe(isStore)
  })
  test('lets a redirect be followed by the scheme of its server alone', () => {
    expect(list.mayFollow(new URL('https://cdn-lfs.hf.co/x'))).toBe(true)
    expect(list.mayFollow(new URL('http://cdn-lfs.hf.co/x'))).toBe(false)
    expect(list.mayFollow(new URL('https://evil.example/x'))).toBe(false)
  })
  test('says what is no host', () => {
    expect(() => new AllowList(endpoint, ['a b:c'])).toThrow('not a host')
  })
})

test.each([
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['172.31.0.1', false],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['100.64.0.1', false],
  ['0.0.0.0', false],
  ['::1', false],
  ['::', false],
  ['fe80::1', false],
  ['fd00::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:7f00:1', false],
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['::ffff:8.8.8.8', true],
  ['no address', false],
])('%s is out on the internet: %p', (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic)
})

describe('a path on the Hub', () => {
  const model = (id: string) => ({ type: 'model', id }) as const
  test.each([
    [
      '/gpt2/resolve/main/a/b.json',
      { kind: 'file', repo: model('gpt2'), revision: 'main', path: 'a/b.json' },
    ],
    [
      '/datasets/o/n/resolve/refs%2Fconvert%2Fparquet/a%20b',
      { kind: 'file', repo: { type: 'dataset', id: 'o/n' }, revision: 'refs/convert/parquet', path: 'a b' },
    ],
    [
      `/api/resolve-cache/spaces/o/n/${'a'.repeat(40)}/x%2Fy`,
      { kind: 'file', repo: { type: 'space', id: 'o/n' }, revision: 'a'.repeat(40), path: 'x/y' },
    ],
    ['/api/models/o/n', { kind: 'api', repo: model('o/n'), verb: 'info' }],
    ['/api/models/gpt2/tree/main/a%2Fb', { kind: 'api', repo: model('gpt2'), verb: 'tree' }],
    ['/api/models/o/n/xet-read-token/main', { kind: 'xet-token' }],
    ['/o/n.git/info/refs', { kind: 'git', repo: model('o/n') }],
    ['/o/n/git-upload-pack', { kind: 'git', repo: model('o/n') }],
    ['/o/n.git/info/lfs/objects/batch', { kind: 'lfs-batch', repo: model('o/n') }],
    [
      `/o/n.git/info/lfs/objects/${'a'.repeat(64)}`,
      { kind: 'lfs-object', repo: model('o/n'), oid: 'a'.repeat(64) },
    ],
  ] as const)('%s is understood', (path, target) => {
    expect(parseHubTarget(path)).toEqual(target)
  })
  test.each([
    '/',
    '//',
    '/%',
    '/o/n/resolve/main/..%2f..%2fx',
    '/o/n/resolve/main',
    '/api/whoami-v2',
    '/a/b/c/d',
  ])('%s is passed on unread', (path) => {
    expect(parseHubTarget(path).kind).toBe('other')
  })
})

test('headers of one connection, of proxies and of ours go no further', () => {
  const headers = new Headers({
    accept: 'a',
    connection: 'close, x-mine',
    'x-mine': '1',
    te: 'x',
    'proxy-authorization': 'x',
    host: 'h',
    'x-dragonfly-registry': 'x',
    authorization: 'Bearer t',
  })
  expect(requestHeaders(headers)).toEqual({ accept: 'a', authorization: 'Bearer t' })
})

test('answers lead to the gateway and speak of no Xet', () => {
  const headers = new HttpHeaders({
    location: 'https://huggingface.co/a?b=c',
    link: [
      '<https://huggingface.co/api/x>; rel="xet-auth", <https://huggingface.co/api/tree?cursor=1>; rel="next"',
      '<https://cas/y>; rel=xet-reconstruction-info',
    ],
    'x-xet-hash': 'a',
    'transfer-encoding': 'chunked',
    'x-error-code': 'E',
  })
  expect(answerHeaders(headers, { base: 'http://127.0.0.1:65001', endpoint })).toEqual([
    ['location', 'http://127.0.0.1:65001/a?b=c'],
    ['link', '<http://127.0.0.1:65001/api/tree?cursor=1>; rel="next"'],
    ['x-error-code', 'E'],
  ])
})

test('Xet hashes leave JSON wherever they stand, and look-alikes stay', () => {
  expect(withoutXet('{"a":1,"xetHash":"ff","b":2}')).toBe('{"a":1,"b":2}')
  expect(withoutXet('[{"xetHash":"ff","b":2},{"xetHash":null}]')).toBe('[{"b":2},{}]')
  const tricky = JSON.stringify({ path: '"xetHash":"ff",', xetHash2: 'x' })
  expect(withoutXet(tricky)).toBe(tricky)
})

describe('a Range', () => {
  const of = (range: string, etag?: string) =>
    requestedRange(new Headers({ range, ...(etag && { 'if-range': etag }) }), 100, '"e"')
  test.each([
    ['bytes=0-9', { start: 0, end: 10, isRest: false }],
    ['bytes=90-', { start: 90, end: 100, isRest: true }],
    ['bytes=-5', { start: 95, end: 100, isRest: false }],
    ['bytes=50-999', { start: 50, end: 100, isRest: false }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-1', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['lines=0-1', 'whole'],
  ] as const)('%s of 100 bytes', (range, expected) => {
    expect(of(range)).toEqual(expected)
  })
  test('for other content means all of it', () => {
    expect(of('bytes=0-9', '"other"')).toBe('whole')
    expect(of('bytes=0-9', '"e"')).toEqual({ start: 0, end: 10, isRest: false })
  })
})

test('a client is known by a digest of what it sends, and its token is found in Bearer and Basic', () => {
  const bearer = credentialsOf(new Headers({ authorization: 'Bearer hf_x' }))
  const basic = credentialsOf(new Headers({ authorization: `Basic ${btoa('user:hf_x')}` }))
  expect([bearer.token, basic.token]).toEqual(['hf_x', 'hf_x'])
  expect(bearer.key).not.toContain('hf_x')
  expect(credentialsOf(new Headers()).key).toBe('anonymous')
})

test('two addresses that differ in ignored parameters alone are one', () => {
  const known = new KnownUrls(['Expires', 'Signature'])
  const blob = { oid: 'a'.repeat(64) as never, size: 1 }
  known.learn('https://cdn/x?name=1&Expires=5&Signature=a', blob)
  expect(known.find(new URL('https://cdn/x?Signature=b&name=1&Expires=7'))?.size).toBe(1)
  expect(known.find(new URL('https://cdn/x?name=2&Expires=5&Signature=a'))).toBeUndefined()
})

describe('a short memory', () => {
  test('shares a question under way, keeps its answer for a while, and forgets failures', async () => {
    let now = 0
    let asked = 0
    const memory = new ShortMemory<number>({ size: 2, now: () => now })
    const ask = () =>
      memory.get(
        'k',
        async () => {
          asked += 1
          if (asked === 3) throw new Error('no')
          return asked
        },
        () => 10,
      )
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1])
    now = 9
    expect(await ask()).toBe(1)
    now = 10
    expect(await ask()).toBe(2)
    now = 20
    expect(ask()).rejects.toThrow('no')
    await Promise.resolve()
    expect(await ask().catch(() => ask())).toBe(4)
  })
})

test('kept answers outlive a restart, for as long as is asked, and no longer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-kept-'))
  let now = 1_000
  const clock = () => now
  const repo = { type: 'model', id: 'o/r' } as const
  const other = { type: 'dataset', id: 'o/r' } as const
  const before = new KeptAnswers(folder, { now: clock })
  for (const each of [repo, other]) await before.keep(each, 'q', { a: 1 })
  const kept = new KeptAnswers(folder, { now: clock })
  now += 5_000
  expect(await kept.find(repo, 'q', 5_000)).toEqual({ a: 1 })
  expect(await kept.find(repo, 'q', 4_999)).toBeUndefined()
  expect(await kept.find(repo, 'other', 5_000)).toBeUndefined()
  await kept.keep(repo, 'r', { a: 2 })
  await kept.withdraw(repo, 'q')
  expect(await kept.find(repo, 'q', 5_000)).toBeUndefined()
  expect(await kept.find(repo, 'r', 5_000)).toEqual({ a: 2 })
  const { withdrawals } = kept
  await kept.withdraw(repo)
  await kept.keep(repo, 's', { a: 3 }, withdrawals)
  expect(await kept.find(repo, 'r', 5_000)).toBeUndefined()
  expect(await kept.find(repo, 's', 5_000)).toBeUndefined()
  expect(await kept.find(other, 'q', 5_000)).toEqual({ a: 1 })
  await rm(folder, { recursive: true })
})

test('lines wait for their reader, and whoever makes them for room', async () => {
  let hasLeft = false
  const lines = new LineStream(() => {
    hasLeft = true
  })
  let pushed = 0
  const work = (async () => {
    for (; pushed < 1_000; pushed += 1) await lines.push({ pushed })
    lines.end()
  })()
  await Promise.resolve()
  let read = 0
  for await (const _ of lines) {
    read += 1
    if (read === 1) expect(pushed).toBeLessThan(300)
  }
  await work
  expect([read, hasLeft]).toEqual([1_000, false])
})
