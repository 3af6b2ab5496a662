import { describe, expect, test } from 'bun:test'
import { BlobLocation } from '../../src/hub/blob-location.ts'
import { isHubRedirect, lfsOidOf, mayCarryToken } from '../../src/hub/hub-hosts.ts'
import { oidOfEtag } from '../../src/hub/responses/etag.ts'
import { linkTarget } from '../../src/hub/responses/link-header.ts'
import { signedUrlExpiry } from '../../src/hub/signed-url.ts'
import { hubUrls, quote, quotePath } from '../../src/hub/urls.ts'
import { userAgent } from '../../src/hub/user-agent.ts'
import { isSafeRepoPath } from '../../src/repo/repo-path.ts'

describe('addresses', () => {
  const urls = hubUrls('https://hub.test')
  const repo = { type: 'dataset', id: 'org/name' } as const

  test('quote the revision whole and keep the slashes of a path', () => {
    expect(urls.resolve(repo, 'refs/pr/1', 'a b/c+d#é.txt')).toBe(
      'https://hub.test/datasets/org/name/resolve/refs%2Fpr%2F1/a%20b/c%2Bd%23%C3%A9.txt',
    )
    expect(urls.repoInfo({ type: 'model', id: 'gpt2' }, 'main')).toBe(
      'https://hub.test/api/models/gpt2/revision/main',
    )
    expect(urls.tree(repo, 'a/b')).toBe(
      'https://hub.test/api/datasets/org/name/tree/a%2Fb?recursive=true&expand=false',
    )
    expect(urls.page({ type: 'model', id: 'gpt2' })).toBe('https://hub.test/gpt2')
  })

  test('quote as Python does', () => {
    const text = 'azAZ09_.-~ !"#$%&\'()*+,/:;<=>?@[]^`{|}é日🎈'
    const quoted =
      'azAZ09_.-~%20%21%22%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3C%3D%3E%3F%40%5B%5D%5E%60%7B%7C%7D%C3%A9%E6%97%A5%F0%9F%8E%88'
    expect(quote(text)).toBe(quoted)
    expect(quotePath(text)).toBe(quoted.replace('%2F', '/'))
  })
})

describe('the token', () => {
  test.each([
    ['https://huggingface.co', 'https://huggingface.co/x', true],
    ['https://huggingface.co', 'https://hf.co/x', true],
    ['https://huggingface.co', 'http://huggingface.co/x', false],
    ['https://huggingface.co', 'https://huggingface.co:444/x', false],
    ['https://huggingface.co', 'https://cas-bridge.xethub.hf.co/x', false],
    ['https://huggingface.co', 'https://cdn-lfs.hf.co/x', false],
    ['https://huggingface.co', 'https://huggingface.co.evil.test/x', false],
    ['https://huggingface.co', 'https://hub-ci.huggingface.co/x', false],
    ['http://127.0.0.1:1', 'http://127.0.0.1:2/x', false],
    ['https://mirror.test', 'https://mirror.test/x', true],
    ['https://mirror.test', 'https://huggingface.co/x', true],
    ['http://mirror.test', 'https://mirror.test/x', true],
    ['http://mirror.test', 'https://other.test/x', false],
  ])('of %s goes to %s: %p', (endpoint, url, isSent) => {
    expect(mayCarryToken(new URL(url), new URL(endpoint))).toBe(isSent)
  })
})

test('a redirect of metadata is followed to the same host name, the endpoint or the Hub', () => {
  const endpoint = new URL('http://127.0.0.1:1')
  const to = (url: string) => isHubRedirect(new URL('https://mirror.test/x'), new URL(url), endpoint)
  expect(to('https://mirror.test:8443/y')).toBe(true)
  expect(to('http://127.0.0.1:9/y')).toBe(true)
  expect(to('https://hf.co/y')).toBe(true)
  expect(to('https://cdn.mirror.test/y')).toBe(false)
})

test.each([
  ['"6dcd4ce23d88e2ee9568ba546c007c63d9131c1b"', true],
  ['W/"6dcd4ce23d88e2ee9568ba546c007c63d9131c1b"', true],
  ['6dcd4ce23d88e2ee9568ba546c007c63d9131c1b', true],
  [`"${'a'.repeat(64)}"`, true],
  [`"${'A'.repeat(64)}"`, false],
  ['"../../etc/passwd"', false],
  ['"d41d8cd98f00b204e9800998ecf8427e"', false],
  [undefined, false],
])('the ETag %p names a blob: %p', (etag, isBlob) => {
  expect(oidOfEtag(etag) !== undefined).toBe(isBlob)
})

test.each([
  ['<https://h/a?cursor=x,y>; rel="next"', 'https://h/a?cursor=x,y'],
  ['<https://h/p>; rel="prev", <https://h/n>; rel=next', 'https://h/n'],
  ['<https://h/n>; title="a, b; c"; rel="last next"', 'https://h/n'],
  ['<https://h/n>; rel="nextish"', undefined],
  ['', undefined],
])('Link %p leads to %p', (header, target) => {
  expect(linkTarget([header], 'next')).toBe(target)
})

test.each([
  ['a/b.txt', true],
  ['.gitattributes', true],
  ['a/..b/c', true],
  ['', false],
  ['/etc/passwd', false],
  ['a/../b', false],
  ['..', false],
  ['a\\..\\b', false],
  ['\\\\host\\share', false],
  ['C:x', true],
  ['a//b', false],
  ['a/', false],
  ['a\0b', false],
  ['a\nb', true],
])('the path %p is safe: %p', (path, isSafe) => {
  expect(isSafeRepoPath(path)).toBe(isSafe)
})

describe('a signed address', () => {
  const at = Date.parse('2026-01-01T00:10:00Z')
  const policy = (seconds: number) =>
    Buffer.from(`{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":${seconds}}}}]}`)
      .toString('base64')
      .replaceAll('+', '-')
      .replaceAll('=', '_')
      .replaceAll('/', '~')

  test.each([
    [`Expires=${at / 1000}&Signature=x`, at],
    ['X-Amz-Date=20260101T000000Z&X-Amz-Expires=600', at],
    ['X-Goog-Date=20260101T000000Z&X-Goog-Expires=600', at],
    [`Policy=${policy(at / 1000)}`, at],
    ['Policy=nonsense', undefined],
    ['X-Amz-Date=20260101T000000Z', undefined],
    ['', undefined],
  ])('with %s tells when it ends', (query, expected) => {
    expect(signedUrlExpiry(new URL(`https://cdn.test/x?${query}`))).toBe(expected)
  })

  test('is renewed before its end, and not at all by a clock that is ahead', () => {
    const url = new URL(`https://cdn.test/x?Expires=${at / 1000}`)
    const location = new BlobLocation(url, { isSigned: true, nowMs: at - 600_000 })
    expect([at - 40_000, at - 20_000].map((nowMs) => location.isFresh(nowMs))).toEqual([true, false])
    const late = new BlobLocation(url, { isSigned: true, nowMs: at + 1 })
    expect(late.isFresh(at + 1000)).toBe(true)
  })
})

test('the user agent tells less without telemetry, and the origin that the user set', () => {
  expect(userAgent('1.2.3', {})).toBe(`dfhf/1.2.3; bun/${Bun.version}`)
  expect(userAgent('1.2.3', { DO_NOT_TRACK: '1', HF_HUB_USER_AGENT_ORIGIN: 'ci\r\n' })).toBe(
    'dfhf/1.2.3; origin/ci',
  )
})

describe('a path of the LFS store', () => {
  const [folder, oid] = [`abcd${'0'.repeat(60)}`, 'f'.repeat(64)]
  test('ends in the oid of its blob', () => {
    expect(lfsOidOf(`/repos/ab/cd/${folder}/${oid}`)).toBe(oid as ReturnType<typeof lfsOidOf>)
  })
  test.each([
    `/repos/ab/cc/${folder}/${oid}`,
    `/repos/ab/cd/${folder}/${oid}/`,
    `/repos/ab/cd/${folder}/x/${oid}`,
    `/repos/ab/cd/${oid}`,
    `/o/r/resolve/main/${oid}`,
    `/${oid}`,
    `/x/repos/ab/cd/${folder}/${oid}`,
    `/repos/ab/cd/${folder}/${oid.toUpperCase()}`,
    `/repos/ab/cd/${folder}/${oid}0`,
  ])('is not %s', (path) => expect(lfsOidOf(path)).toBeUndefined())
})
