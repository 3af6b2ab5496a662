import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import type { BlobSource } from '../../src/blob/blob-source.ts'
import type { ByteRange } from '../../src/blob/pieces.ts'
import { RangeIgnoredError } from '../../src/http/ranges/range-request.ts'
import { eventually } from '../support/gateway/eventually.ts'
import { bytesOf } from '../support/http/bytes-of.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import {
  type Ask,
  bytes,
  giveRange,
  rangeHeaders,
  type SourceKind,
  sourceBench,
} from './blob-source-bench.ts'

const { length: size } = bytes
const never = new AbortController().signal
const middle = { start: 100_000, end: 200_000 }

const kinds: readonly (readonly [string, SourceKind])[] = [
  ['the Hub itself', 'hub'],
  ['the CDN that the Hub leads to', 'cdn'],
  ['an address of a client', 'url'],
  ['a peer', 'peer'],
]

/** All bytes that a source gives of a range. */
async function read(
  source: Pick<BlobSource, 'open'>,
  range: ByteRange,
  signal: AbortSignal = never,
): Promise<Buffer> {
  return bytesOf(await source.open(range, { signal }))
}

/** What reading the middle of the blob throws where it is answered so. */
async function failure(kind: SourceKind, answer: (ask: Ask) => void): Promise<unknown> {
  await using bench = await sourceBench(kind, answer)
  return await thrownBy(() => read(bench.source, middle))
}

describe.each(kinds)('a source of the bytes of %s', (_, kind) => {
  test.each([
    ['at the beginning', { start: 0, end: 1 }],
    ['in the middle', middle],
    ['at the end', { start: size - 1, end: size }],
    ['from end to end', { start: 0, end: size }],
  ])('gives exactly the bytes of a range %s', async (_where, range) => {
    await using bench = await sourceBench(kind, giveRange)
    const given = await read(bench.source, range)
    expect(Buffer.compare(given, bytes.subarray(range.start, range.end))).toBe(0)
    expect(bench.asked.at(-1)).toEqual(range)
  })

  test('gives many ranges at once', async () => {
    await using bench = await sourceBench(kind, giveRange)
    const starts = Array.from({ length: 8 }, (_each, n) => (n * size) / 8)
    const parts = await Promise.all(
      starts.map((start) => read(bench.source, { start, end: start + size / 8 })),
    )
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
  })

  test('takes the whole file where a 200 answers for all of it', async () => {
    await using bench = await sourceBench(kind, ({ socket, head }) => {
      socket.write(head(200, { 'content-length': size }))
      socket.write(bytes)
    })
    expect(Buffer.compare(await read(bench.source, { start: 0, end: size }), bytes)).toBe(0)
  })

  test('says that a server gives no ranges', async () => {
    const error = await failure(kind, ({ socket, head }) => {
      socket.write(head(200, { 'content-length': size }))
      socket.write(bytes)
    })
    expect(error).toBeInstanceOf(RangeIgnoredError)
  })

  test('gives what came of an answer that breaks, then throws what may be tried again', async () => {
    await using bench = await sourceBench(kind, ({ socket, range, head }) => {
      socket.write(head(206, rangeHeaders(range)))
      socket.end(bytes.subarray(range.start, range.start + 1_000))
    })
    const given: Uint8Array[] = []
    const error = await thrownBy(async () => {
      for await (const chunk of await bench.source.open(middle, { signal: never })) given.push(chunk.slice())
    })
    expect(error).toMatchObject({ name: 'DfhfError', code: 'network', retryable: true })
    expect(Buffer.concat(given)).toEqual(Buffer.from(bytes.subarray(100_000, 101_000)))
  })

  test('gives no byte of another range than was asked for', async () => {
    const error = await failure(kind, (ask) => {
      const { start, end } = ask.range
      giveRange({ ...ask, range: { start: start + 1, end: end + 1 } })
    })
    expect(error).toMatchObject({ name: 'DfhfError', code: 'bad-response' })
  })

  test('gives no byte of a file of another size', async () => {
    const error = await failure(kind, ({ socket, range, head }) => {
      const { start, end } = range
      socket.write(
        head(206, { ...rangeHeaders(range), 'content-range': `bytes ${start}-${end - 1}/9999999` }),
      )
      socket.write(bytes.subarray(start, end))
    })
    expect(error).toMatchObject({ code: 'bad-response', retryable: false })
  })

  test('gives no byte of a packed answer', async () => {
    const error = await failure(kind, ({ socket, range, head }) => {
      socket.write(head(206, { ...rangeHeaders(range), 'content-encoding': 'gzip' }))
      socket.write(bytes.subarray(range.start, range.end))
    })
    expect(error).toMatchObject({ code: 'bad-response' })
  })

  test('tells for how long a server that is busy would be left alone', async () => {
    const error = await failure(kind, ({ socket, head }) => {
      socket.write(head(429, { 'retry-after': 7, 'content-length': 0 }))
    })
    expect(error).toMatchObject({ code: 'rate-limited', retryable: true })
    // Some add a second, as Retry-After is in whole ones.
    const { retryAfterMs = 0 } = error instanceof DfhfError ? error : {}
    expect(retryAfterMs).toBeWithin(7_000, 8_001)
  })

  test('throws what may be tried again where the server is in trouble', async () => {
    const error = await failure(kind, ({ socket, head }) => {
      socket.write(head(500, { 'content-length': 0 }))
    })
    expect(error).toMatchObject({ retryable: true })
  })

  test('throws what may be tried again where no answer comes', async () => {
    const error = await failure(kind, ({ socket }) => socket.destroy())
    expect(error).toMatchObject({ name: 'DfhfError', code: 'network', retryable: true })
  })

  test('throws the reason of a signal that has ended before', async () => {
    await using bench = await sourceBench(kind, giveRange)
    const reason = new Error('enough')
    expect(await thrownBy(() => read(bench.source, middle, AbortSignal.abort(reason)))).toBe(reason)
  })

  test('throws the reason of a signal that ends on the way, and closes the connection', async () => {
    await using bench = await sourceBench(kind, ({ socket, range, head }) => {
      socket.write(head(206, rangeHeaders(range)))
      socket.write(bytes.subarray(range.start, range.start + 1_000))
    })
    const stop = new AbortController()
    const reason = new Error('enough')
    const error = await thrownBy(async () => {
      for await (const _chunk of await bench.source.open(middle, { signal: stop.signal })) stop.abort(reason)
    })
    expect(error).toBe(reason)
    await eventually(
      async () => bench.connections(),
      (open) => open === 0,
    )
  })

  test('closes the connection of an answer that is left early', async () => {
    await using bench = await sourceBench(kind, ({ socket, range, head }) => {
      socket.write(head(206, rangeHeaders(range)))
      socket.write(bytes.subarray(range.start, range.start + 1_000))
    })
    for await (const _chunk of await bench.source.open(middle, { signal: never })) break
    await eventually(
      async () => bench.connections(),
      (open) => open === 0,
    )
  })
})
