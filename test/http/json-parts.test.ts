import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { unpacked } from '../../src/http/bounded-body.ts'
import { jsonParts } from '../../src/http/json-parts.ts'

/** The bytes of a text, cut as the numbers say. */
async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % Math.max(1, sizes.length)] ?? bytes.length
    yield bytes.subarray(at, at + size)
    at += size
  }
}

function partsOf(text: string, kind: '[' | '{' = '[', sizes: readonly number[] = []) {
  return Array.fromAsync(jsonParts(cut(Buffer.from(text), sizes), { kind, from: 'the Hub' }))
}

/** What the call gives, or the code of the error of dfhf that it ends in; any other error is a failure. */
async function outcome<T>(work: Promise<T>): Promise<T | string> {
  return work.catch((error: unknown) => {
    if (error instanceof DfhfError) return error.code
    throw error
  })
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })
const space = fc.constantFrom(undefined, 1, '\t', '\n  ')

describe('a JSON text that comes in chunks', () => {
  test('gives the elements of a list as they were put in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        sizes,
        space,
        async (list, cuts, indent) => {
          const text = JSON.stringify(list, undefined, indent)
          const parts = await partsOf(text, '[', cuts)
          expect(parts.map((part) => JSON.parse(part ?? ''))).toEqual(JSON.parse(text))
        },
      ),
    )
  })

  test('gives the members of an object as they were put in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue()),
        sizes,
        space,
        async (object, cuts, indent) => {
          const text = JSON.stringify(object, undefined, indent)
          const parts = await partsOf(text, '{', cuts)
          expect(JSON.parse(`{${parts.join()}}`)).toEqual(JSON.parse(text))
        },
      ),
    )
  })

  test('ends in bad-response or in parts that are JSON where it as a whole is, whatever it is', async () => {
    const noise = fc.array(fc.constantFrom(...'[]{},:"\\ \n1a', '"x"', '{"a":', 'null', 'é'), {
      maxLength: 20,
    })
    await fc.assert(
      fc.asyncProperty(noise, sizes, async (pieces, cuts) => {
        const text = pieces.join('')
        const parts = await outcome(partsOf(text, '[', cuts))
        const isList = (() => {
          try {
            return Array.isArray(JSON.parse(text))
          } catch {
            return false
          }
        })()
        if (!isList && typeof parts === 'string') return expect(parts).toBe('bad-response')
        if (typeof parts === 'string') throw new Error(`a list ended in ${parts}`)
        const arePartsJson = parts.every((part) => {
          try {
            JSON.parse(part ?? '')
            return true
          } catch {
            return false
          }
        })
        expect(arePartsJson).toBe(isList)
      }),
      { numRuns: 2_000 },
    )
  })

  test('leaves a part out that is longer than any may be, and goes on behind it', async () => {
    const long = JSON.stringify('x'.repeat(2 ** 20))
    expect(await partsOf(`[1,${long},{"a":[${long}]},2]`, '[', [10_000])).toEqual([
      '1',
      undefined,
      undefined,
      '2',
    ])
  })
})

describe('a body', () => {
  test('is unpacked as it comes, up to its bound', async () => {
    const bytes = fc.uint8Array({ maxLength: 5_000 })
    await fc.assert(
      fc.asyncProperty(bytes, sizes, fc.integer({ min: 0, max: 6_000 }), async (body, cuts, max) => {
        const chunks = cut(gzipSync(body), cuts)
        const from = 'the Hub'
        const found = await outcome(Array.fromAsync(unpacked(chunks, max + 100, { encoding: 'gzip', from })))
        if (typeof found === 'string') expect([found, body.length > max]).toEqual(['bad-response', true])
        else expect(Buffer.concat(found)).toEqual(Buffer.from(body))
      }),
    )
  })

  test('that is damaged ends in bad-response', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), sizes, async (noise, cuts) => {
        const body = unpacked(cut(noise, cuts), 1_000, { encoding: 'gzip', from: 'the Hub' })
        expect(await outcome(Array.fromAsync(body))).toBe('bad-response')
      }),
    )
    const half = gzipSync('x'.repeat(10_000)).subarray(0, 30)
    const body = unpacked(cut(half, [7]), 100_000, { encoding: 'gzip', from: 'the Hub' })
    expect(await outcome(Array.fromAsync(body))).toBe('bad-response')
  })

  test('that breaks off tells why, also when it is packed', async () => {
    const broken = async function* () {
      yield gzipSync('text').subarray(0, 10)
      throw new DfhfError('network', 'cut')
    }
    const body = unpacked(broken(), 1_000, { encoding: 'gzip', from: 'the Hub' })
    expect(await outcome(Array.fromAsync(body))).toBe('network')
  })
})
