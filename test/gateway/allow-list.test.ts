import { describe, expect, test } from 'bun:test'
import { AllowList } from '../../src/gateway/access/allow-list.ts'

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
