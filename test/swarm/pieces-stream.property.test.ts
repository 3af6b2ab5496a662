import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { readLines } from '../../src/http/ndjson.ts'
import { RemotePieces } from '../../src/swarm/client/remote-pieces.ts'
import { PiecesDecoder } from '../../src/swarm/protocol/peer-wire.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const oid = sampleOid()
const MIB = 2 ** 20
const document = {
  v: 1,
  oid,
  peer: peerId(1),
  load: { active: 1, limit: 32 },
  size: 10 * MIB,
  pieceSize: MIB,
  have: '/8A=',
  fetching: [1],
  digests: { 5: 'ab'.repeat(32) },
  members: [{ ...samplePeer(2) }],
}
const delta = {
  have: [8],
  lost: [5],
  fetching: [],
  digests: {},
  asksHub: true,
  load: { active: 0, limit: 1 },
  bye: true,
}

/** Messages that are right, or nearly. */
const message = fc.oneof(
  fc.constantFrom<object>(document, delta),
  fc
    .dictionary(fc.constantFrom(...Object.keys({ ...document, ...delta })), fc.jsonValue())
    .map((changes) => ({
      ...document,
      ...changes,
    })),
  fc.dictionary(fc.constantFrom(...Object.keys(delta)), fc.oneof(fc.jsonValue(), fc.array(fc.integer()))),
)
const line = fc.oneof(
  message.map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string(),
)
const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 })

async function* cut(bytes: Uint8Array, parts: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = parts[turn % parts.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

/** Follows a stream to its end; what it ends in where that is an error of dfhf, and how much it came to hold. */
async function follow(body: AsyncIterable<Uint8Array>, maxLine: number): Promise<RemotePieces> {
  const decoder = new PiecesDecoder(oid, 'host-1', { size: 10 * MIB })
  const remote = new RemotePieces()
  try {
    for await (const text of readLines(body, { maxLine, sender: 'peer host-1' }))
      remote.apply(decoder.decode(text))
  } catch (error) {
    if (!(error instanceof DfhfError)) throw error
    expect(['bad-response', 'network']).toContain(error.code)
    expect(error.message).toStartWith('peer host-1 ')
  }
  return remote
}

test('any stream is followed to its end or ends in an error that names the sender', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), sizes, async (lines, parts) => {
      const remote = await follow(cut(Buffer.from(lines.map((text) => `${text}\n`).join('')), parts), 10_000)
      expect(remote.digests.size).toBeLessThanOrEqual(10)
      expect(remote.fetching.every((index) => index >= 0 && index < 10)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})

test('any bytes are lines of bounded length or an error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), sizes, async (bytes, parts) => {
      const found: string[] = []
      try {
        for await (const text of readLines(cut(bytes, parts), { maxLine: 20, sender: 'peer host-1' }))
          found.push(text)
      } catch (error) {
        expect(error).toBeInstanceOf(DfhfError)
      }
      for (const text of found) expect(text.length).toBeLessThanOrEqual(20)
      const lines = Buffer.from(bytes).toString('latin1').split('\n').slice(0, -1)
      const isWhole = lines.every(({ length }) => length <= 20)
      if (isWhole)
        expect(found).toHaveLength(
          lines.filter((text) => Buffer.from(text, 'latin1').toString().trim() !== '').length,
        )
    }),
    { numRuns: 1_000 },
  )
})

test('a line that comes byte by byte holds no more memory than its bytes', async () => {
  const socketBuffer = 2 ** 16
  async function* drip() {
    for (let sent = 0; sent < 20_000; sent += 1) yield new Uint8Array(socketBuffer).fill(32).subarray(0, 1)
  }
  const before = process.memoryUsage().rss
  let most = 0
  async function* watched() {
    let count = 0
    for await (const chunk of drip()) {
      count += 1
      if (count % 1_000 === 0) {
        Bun.gc(true)
        most = Math.max(most, process.memoryUsage().rss)
      }
      yield chunk
    }
  }
  await follow(watched(), 2 ** 21)
  expect(most - before).toBeLessThan(300 * MIB)
}, 60_000)
