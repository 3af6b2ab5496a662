import { expect, test } from 'bun:test'
import { requestHeaders, responseHeaders } from '../../src/gateway/relayed-headers.ts'
import { HttpHeaders } from '../../src/http/http-headers.ts'

const endpoint = new URL('https://huggingface.co')

test('headers of one connection, of proxies and of ours go no further', () => {
  const headers = new Headers({
    accept: 'a',
    connection: 'close, x-mine',
    'x-mine': '1',
    te: 'x',
    'proxy-authorization': 'x',
    host: 'h',
    cookie: 'a=b',
    origin: 'https://page',
    referer: 'https://page/x',
    'x-dragonfly-registry': 'x',
    authorization: 'Bearer t',
  })
  expect(requestHeaders(headers)).toEqual({ accept: 'a', authorization: 'Bearer t' })
})

test('answers lead to the gateway, speak of no Xet, and let no web page read them', () => {
  const headers = new HttpHeaders({
    location: 'https://huggingface.co/a?b=c',
    link: [
      '<https://huggingface.co/api/x>; rel="xet-auth", <https://huggingface.co/api/tree?cursor=1>; rel="next"',
      '<https://cas/y>; rel=xet-reconstruction-info',
    ],
    'x-xet-hash': 'a',
    'transfer-encoding': 'chunked',
    'x-error-code': 'E',
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'x-error-code',
    'set-cookie': 'a=b',
  })
  expect(responseHeaders(headers, { base: 'http://127.0.0.1:65001', endpoint })).toEqual([
    ['location', 'http://127.0.0.1:65001/a?b=c'],
    ['link', '<http://127.0.0.1:65001/api/tree?cursor=1>; rel="next"'],
    ['x-error-code', 'E'],
  ])
})
