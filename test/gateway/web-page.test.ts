import { expect, test } from 'bun:test'
import { isFromOtherPage, isFromWebPage } from '../../src/gateway/access/web-page.ts'

const agent = { 'user-agent': 'Mozilla/5.0' }

test('an address that the user typed and the gateway’s own page come from no other page', () => {
  for (const marks of [{ 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'Same-Origin' }, {}])
    expect([marks, isFromOtherPage(new Headers({ ...agent, ...marks }))]).toEqual([marks, false])
})

test('what another site or port, or a page without an origin sends does', () => {
  const others = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'something new' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:65001', 'sec-fetch-site': 'same-origin' },
  ]
  for (const marks of others)
    expect([marks, isFromOtherPage(new Headers({ ...agent, ...marks }))]).toEqual([marks, true])
})

test('the gateway’s own page is a web page as well, so that it gets nothing but its events', () => {
  expect(isFromWebPage(new Headers({ ...agent, 'sec-fetch-site': 'same-origin' }))).toBe(true)
  expect(isFromWebPage(new Headers({ ...agent, 'sec-fetch-site': 'none' }))).toBe(false)
})
