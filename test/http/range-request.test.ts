import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createHttpClient, type HttpClient, type HttpRequest } from '../../src/http/http-client.ts'
import { formatRange, parseContentRange } from '../../src/http/ranges/content-range.ts'
import {
  type ExpectedRange,
  type OpenedRange,
  RangeIgnoredError,
  rangeHeaders,
  readRange,
} from '../../src/http/ranges/range-request.ts'
import { startRawServer } from '../support/http/raw-server.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const range = { start: 2, end: 5 }
const part = 'content-range: bytes 2-4/10\r\n'

/** Asks for a range as every source does. */
async function openRange(
  client: HttpClient,
  { range, size, etag, ...request }: HttpRequest & ExpectedRange,
): Promise<OpenedRange> {
  const response = await client.request({ ...request, headers: rangeHeaders(range, size) })
  return readRange(response, { range, size, etag })
}

/** Opens bytes 2-4 of 10 from a server that answers exactly this, and reads them. */
async function read(answer: string, options: Partial<HttpRequest & ExpectedRange> = {}): Promise<string> {
  await using server = await startRawServer((socket) => socket.end(answer))
  await using client = createHttpClient()
  const request = { url: `${server.url}/f?sig=secret`, range, size: 10, ...options }
  const opened = await openRange(client, request)
  let text = ''
  for await (const chunk of opened.body) text += new TextDecoder().decode(chunk)
  return text
}

const failure = (answer: string, options: Partial<HttpRequest & ExpectedRange> = {}) =>
  thrownBy(() => read(answer, options))

describe('a range of a file', () => {
  test('is taken from the right 206', async () => {
    expect(await read(`HTTP/1.1 206 OK\r\n${part}content-length: 3\r\n\r\ncde`)).toBe('cde')
    expect(await read('HTTP/1.1 206 OK\r\ncontent-range: bytes 2-4/*\r\ncontent-length: 3\r\n\r\ncde')).toBe(
      'cde',
    )
    expect(
      await read(`HTTP/1.1 206 OK\r\n${part}transfer-encoding: chunked\r\n\r\n3\r\ncde\r\n0\r\n\r\n`),
    ).toBe('cde')
  })

  test('that is the whole file is asked for without Range and taken from a 200', async () => {
    const whole = { range: { start: 0, end: 10 } }
    let asked = ''
    await using server = await startRawServer((socket, head) => {
      asked = head
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789')
    })
    await using client = createHttpClient()
    const opened = await openRange(client, { url: server.url, size: 10, ...whole })
    for await (const chunk of opened.body) expect(chunk).toHaveLength(10)
    expect(asked.toLowerCase()).not.toContain('\r\nrange:')
    expect(asked.toLowerCase()).toContain('accept-encoding: identity')
  })

  test('is refused when the server sends the whole file instead', async () => {
    const error = await failure('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789')
    expect(error).toBeInstanceOf(RangeIgnoredError)
    expect(error).toMatchObject({ code: 'bad-response', retryable: false })
  })

  test.each([
    ['other bytes', 'HTTP/1.1 206 OK\r\ncontent-range: bytes 3-5/10\r\ncontent-length: 3\r\n\r\ndef'],
    ['fewer bytes', 'HTTP/1.1 206 OK\r\ncontent-range: bytes 2-3/10\r\ncontent-length: 2\r\n\r\ncd'],
    [
      'a Content-Range that cannot be',
      'HTTP/1.1 206 OK\r\ncontent-range: bytes 4-2/10\r\ncontent-length: 3\r\n\r\ncde',
    ],
    ['a length that is not the range’s', `HTTP/1.1 206 OK\r\n${part}content-length: 4\r\n\r\ncdef`],
    ['packed bytes', `HTTP/1.1 206 OK\r\n${part}content-encoding: gzip\r\ncontent-length: 3\r\n\r\ncde`],
    ['more bytes', `HTTP/1.1 206 OK\r\n${part}transfer-encoding: chunked\r\n\r\n4\r\ncdef\r\n0\r\n\r\n`],
  ])('is refused when the answer has %s', async (_, answer) => {
    const error = await failure(answer)
    expect(error).toMatchObject({ code: 'bad-response', retryable: true })
    expect(String(error)).not.toContain('secret')
  })

  test.each([
    ['nothing', 'HTTP/1.1 206 OK\r\ncontent-length: 3\r\n\r\ncde'],
    ['of several', 'HTTP/1.1 206 OK\r\ncontent-type: multipart/byteranges\r\ncontent-length: 3\r\n\r\ncde'],
  ])('counts as ignored when the answer says %s of which range it is', async (_, answer) => {
    const error = await failure(answer)
    expect(error).toBeInstanceOf(RangeIgnoredError)
    expect(error).toMatchObject({ code: 'bad-response', retryable: false })
  })

  test.each([
    [
      'another size in a 206',
      'HTTP/1.1 206 OK\r\ncontent-range: bytes 2-4/11\r\ncontent-length: 3\r\n\r\ncde',
      {},
    ],
    ['416', 'HTTP/1.1 416 No\r\ncontent-range: bytes */1\r\ncontent-length: 0\r\n\r\n', {}],
    [
      'another size in a 200',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n',
      { range: { start: 0, end: 10 } },
    ],
    ['another ETag', `HTTP/1.1 206 OK\r\n${part}etag: "b"\r\ncontent-length: 3\r\n\r\ncde`, { etag: '"a"' }],
  ])('of a file that changed, as %s tells, is refused', async (_, answer, options) => {
    expect(await failure(answer, options)).toMatchObject({
      name: 'ContentChangedError',
      code: 'bad-response',
    })
  })

  test('that breaks off can be tried again', async () => {
    const bare = 'HTTP/1.1 200 OK\r\n\r\n01234'
    const error = await failure(bare, { range: { start: 0, end: 10 } })
    expect(error).toMatchObject({ code: 'network', retryable: true })
    expect(String(error)).toContain('after 5 of 10 bytes')
    const cut = await failure(`HTTP/1.1 206 OK\r\n${part}content-length: 3\r\n\r\ncd`)
    expect(cut).toMatchObject({ code: 'network', retryable: true })
  })

  test.each([
    [401, 'unauthorized', false],
    [403, 'forbidden', false],
    [404, 'file-not-found', false],
    [429, 'rate-limited', true],
    [503, 'hub-error', true],
    [400, 'bad-response', false],
  ])('refused with %d is told as %s', async (status, code, retryable) => {
    const answer = `HTTP/1.1 ${status} No\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n`
    expect(await failure(answer)).toMatchObject({ status, code, retryable, retryAfterMs: 4000 })
  })
})

describe('Content-Range', () => {
  test('is read back as the range that was asked for', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(2 ** 40), (start, length, rest) => {
        const size = start + length + rest
        const asked = { start, end: start + length }
        const header = `${formatRange(asked).replace('=', ' ')}/${size}`
        expect(parseContentRange(header)).toEqual({ range: asked, size })
      }),
    )
  })

  test.each([
    undefined,
    '',
    'bytes 0-0/0',
    'bytes 5-4/10',
    'bytes */10',
    'bytes 0-10/10',
    'items 0-1/2',
    'bytes 0-1',
    'bytes 0-1/2, 3-4/5',
    'bytes -1-2/3',
    'bytes 0-99999999999999999999/*',
  ])('%p is refused', (header) => {
    expect(parseContentRange(header)).toBeUndefined()
  })
})
