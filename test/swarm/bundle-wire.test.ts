import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Oid } from '../../src/blob/oid.ts'
import {
  bundleHeader,
  formatWanted,
  MAX_BUNDLE_BLOBS,
  parseWanted,
  readBundle,
} from '../../src/swarm/protocol/bundle-wire.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { sampleOid } from './samples.ts'

const oids = Array.from({ length: 6 }, (_, index) => sampleOid(`blob ${index}`))
const contentOf = (size: number) => Buffer.from(Array.from({ length: size }, (_, at) => at % 256))

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const size of sizes) {
    yield bytes.subarray(at, at + size)
    at += size
  }
  yield bytes.subarray(at)
}

function read(text: Uint8Array | string, wanted: ReadonlyMap<Oid, number>, cuts: readonly number[] = []) {
  return Array.fromAsync(readBundle(chunked(Buffer.from(text), cuts), { wanted, sender: 'bob' }))
}

describe('a list of wanted blobs', () => {
  test('is read as it was written', () => {
    expect(parseWanted(formatWanted(oids))).toEqual(oids)
  })

  test.each([
    ['none', ''],
    ['a name that is none', 'x'],
    ['a repeat', formatWanted([...oids, ...oids.slice(0, 1)])],
    ['an empty line', `${formatWanted(oids)}\n`],
    [
      'too many',
      formatWanted(Array.from({ length: MAX_BUNDLE_BLOBS + 1 }, (_, index) => sampleOid(`${index}`))),
    ],
  ])('is refused with %s', (_name, text) => {
    expect(parseWanted(text)).toBeUndefined()
  })
})

describe('a bundle', () => {
  test('gives its blobs however it is cut', async () => {
    const bundle = fc.array(fc.nat(300), { maxLength: oids.length })
    await fc.assert(
      fc.asyncProperty(bundle, fc.array(fc.nat(100)), async (sizes, cuts) => {
        const blobs = sizes.map((size, index) => ({ oid: oids[index] ?? sampleOid(), size }))
        const parts = blobs.flatMap(({ oid, size }) => [
          Buffer.from(bundleHeader(oid, size)),
          contentOf(size),
        ])
        const wanted = new Map(blobs.map(({ oid, size }) => [oid, size]))
        const found = (await read(Buffer.concat(parts), wanted, cuts)).flatMap((part) => part.blobs)
        expect(found.map(({ oid, bytes }) => [oid, Buffer.from(bytes).toString('hex')])).toEqual(
          blobs.map(({ oid, size }) => [oid, contentOf(size).toString('hex')]),
        )
      }),
    )
  })

  const [first = sampleOid(), second = sampleOid()] = oids
  const wanted = new Map([[first, 3]])
  test.each([
    ['a blob that was not wanted', `${second} 3\nabc`, 'bad-response'],
    ['another size', `${first} 4\nabcd`, 'bad-response'],
    ['a blob twice', `${first} 3\nabc${first} 3\nabc`, 'bad-response'],
    ['no header', 'x'.repeat(100), 'bad-response'],
    ['a header without a size', `${first}\nabc`, 'bad-response'],
    ['more in a header', `${first} 3 3\nabc`, 'bad-response'],
    ['less than a blob', `${first} 3\nab`, 'network'],
    ['less than a header', `${first}`, 'network'],
  ])('with %s is refused', async (_name, text, code) => {
    for (const cuts of [[], [1, 1, 1, 60, 1, 1, 1]])
      expect(await thrownBy(() => read(text, wanted, cuts))).toMatchObject({ code })
  })
})
