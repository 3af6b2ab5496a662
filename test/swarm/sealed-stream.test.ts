import { describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import {
  MAX_RECORD,
  openStream,
  openText,
  sealStream,
  sealText,
} from '../../src/swarm/trust/sealed-stream.ts'
import { bytesOf } from '../support/http/bytes-of.ts'

const key = randomBytes(32)

function sealed(chunks: readonly Uint8Array[]): Promise<Buffer> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Uint8Array.from(chunk))
      controller.close()
    },
  })
  return bytesOf(sealStream(body, key))
}

/** The bytes in chunks of a size. */
async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What comes out before the stream ends or fails, and how it ended. */
async function opened(bytes: Uint8Array, size: number) {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of openStream(inChunks(bytes, size), key, 'a')) chunks.push(chunk)
    return { bytes: Buffer.concat(chunks), error: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error }
  }
}

describe('a sealed body', () => {
  test('comes out as it went in, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        fc.integer({ min: 1, max: 97 }),
        async (chunks, size) => {
          expect(await opened(await sealed(chunks), size)).toEqual({
            bytes: Buffer.concat(chunks),
            error: undefined,
          })
        },
      ),
    )
  })

  test('may have chunks that are longer than a record', async () => {
    const bytes = randomBytes(2 * MAX_RECORD + 5)
    expect((await opened(await sealed([bytes]), 65_536)).bytes.equals(bytes)).toBe(true)
  })

  test('says nothing of its bytes but their number', async () => {
    const bytes = Buffer.alloc(10_000, 'secret')
    expect((await sealed([bytes])).includes('secret')).toBe(false)
  })

  test('gives no other bytes than its own when it is changed, cut or put in another order', async () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (parts, at, flip, isCut) => {
          const bytes = await sealed(parts)
          const place = at % bytes.length
          if (!isCut) bytes[place] = (bytes[place] ?? 0) ^ flip
          const { bytes: got, error } = await opened(isCut ? bytes.subarray(0, place) : bytes, 16)
          expect(error).toMatchObject({ code: 'network', retryable: true })
          expect(Buffer.concat(parts).subarray(0, got.length)).toEqual(got)
        },
      ),
    )
  })

  test('cannot be read with another key', async () => {
    const bytes = await sealed([Buffer.from('secret')])
    await expect(bytesOf(openStream(inChunks(bytes, 9), randomBytes(32), 'a'))).rejects.toMatchObject({
      code: 'network',
    })
  })

  test('is refused when a record claims to be longer than any', async () => {
    const { error } = await opened(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]), 3)
    expect(error).toMatchObject({ code: 'network' })
  })
})

test('a sealed text is read with its key alone', () => {
  const text = sealText('repo=org/secret', key)
  expect(text).not.toContain('secret')
  expect(openText(text, key)).toBe('repo=org/secret')
  for (const bad of ['', 'AAAA', `${text}AA`, sealText('x', randomBytes(32))])
    expect(openText(bad, key)).toBeUndefined()
})
