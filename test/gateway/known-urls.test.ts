import { expect, test } from 'bun:test'
import { KnownUrls } from '../../src/gateway/known-urls.ts'

test('two addresses that differ in ignored parameters alone are one, and no others are', () => {
  const known = new KnownUrls(['Expires', 'Signature'])
  const blob = { oid: 'a'.repeat(64) as never, size: 1 }
  known.learn('https://cdn/x?name=1&Expires=5&Signature=a', blob)
  expect(known.find(new URL('https://cdn/x?Signature=b&name=1&Expires=7'))?.size).toBe(1)
  expect(known.find(new URL('https://cdn/x?name=2&Expires=5&Signature=a'))).toBeUndefined()
  expect(known.find(new URL('https://other/x?name=1&Expires=5&Signature=a'))).toBeUndefined()
  expect(known.find(new URL('https://cdn/y?name=1&Expires=5&Signature=a'))).toBeUndefined()
})
