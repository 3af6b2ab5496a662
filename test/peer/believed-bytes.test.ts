import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { ByteRange } from '../../src/blob/pieces.ts'
import { readWhileFetching } from '../../src/peer/blob-reader.ts'
import type { SharedFetch } from '../../src/peer/shared-fetch.ts'
import { HUB } from '../../src/schedule/piece-board.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { TransferCounters } from '../../src/transfer/transfer-counters.ts'
import { LandedPieces } from '../../src/transfer/writing/landed-pieces.ts'
import { sampleBlob, writePieces } from '../storage/sample-blob.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'

const MiB = 2 ** 20
const blob = sampleBlob(3 * MiB)
const whole = { start: 0, end: blob.bytes.length }
const never = new AbortController().signal
const temporaryFolder = temporaryFolders()

/** A fetch of three pieces that are all on disk, of which it is not known yet whether they are right. */
async function unchecked(sources: readonly string[]) {
  const folder = temporaryFolder()
  const size = blob.bytes.length
  const file = await openPartialBlob({ folder, oid: blob.oid, size, finalPath: join(folder, blob.oid) })
  await writePieces(file, blob)
  const pieces = new LandedPieces(file.pieces)
  for (const [piece, source] of sources.entries())
    pieces.note(piece, { source, isVouchedFor: true, digest: undefined })
  const check = Promise.withResolvers<void>()
  check.promise.catch(() => {})
  const bytes = check.promise.then(() => ({ hub: 0, peers: size, local: 0 }))
  bytes.catch(() => {})
  const counters = new TransferCounters(1, () => {})
  const transfer = { oid: blob.oid, size, file, pieces, counters, moveHead: () => {}, done: bytes }
  const fetch: SharedFetch = { transfer, done: check.promise, leave: () => {} }
  return { fetch, pieces, check, [Symbol.asyncDispose]: () => file.close() }
}

/** Fails unless a reader is given just so many bytes, all right ones, before the check; then that fails. */
async function expectGiven(
  expected: number,
  { fetch, check }: Awaited<ReturnType<typeof unchecked>>,
  range: ByteRange,
  options: Parameters<typeof readWhileFetching>[3],
): Promise<void> {
  let given = 0
  const reached = Promise.withResolvers<void>()
  if (expected === 0) reached.resolve()
  const reading = (async () => {
    for await (const chunk of readWhileFetching(fetch, range, never, options)) {
      const at = range.start + given
      expect(Buffer.compare(chunk, blob.bytes.subarray(at, at + chunk.length))).toBe(0)
      given += chunk.length
      if (given >= expected) reached.resolve()
    }
  })()
  await Promise.race([reached.promise, reading])
  // Only what must not come could come now, and it would come at once.
  await Bun.sleep(50)
  const failed = new Error('the check failed')
  check.reject(failed)
  await reading.catch((error: unknown) => expect(error).toBe(failed))
  expect(given).toBe(expected)
}

describe('while a blob is not checked as a whole, a reader is given', () => {
  test.each([
    ['the Hub’s own bytes at once', [HUB, HUB, HUB], { start: 0, end: 2 * MiB }, {}, 2 * MiB],
    ['not the last ones of a whole blob', [HUB, HUB, HUB], whole, {}, 2 * MiB],
    ['nor of the rest of one', [HUB, HUB, HUB], { start: MiB, end: 3 * MiB }, { isRest: true }, MiB],
    ['nothing of a peer', ['peer', HUB, HUB], whole, {}, 0],
    ['nothing behind a piece of a peer', [HUB, 'peer', HUB], whole, {}, MiB],
    [
      'no part by a peer with the key',
      ['peer', 'peer', HUB],
      { start: 0, end: MiB },
      { trustsPeers: true },
      0,
    ],
    ['a whole blob by peers with the key', ['peer', 'peer', 'peer'], whole, { trustsPeers: true }, 2 * MiB],
    ['nothing where an answer was cut before', [HUB, HUB, HUB], whole, { waitsForAll: true }, 0],
  ] as const)('%s', async (_what, sources, range, options, expected) => {
    await using fetch = await unchecked(sources)
    await expectGiven(expected, fetch, range, options)
  })
})

test('a reader that believed a peer with the key is cut off when what it was given turns out to be wrong', async () => {
  await using node = await unchecked(['peer', 'peer', 'peer'])
  const reader = readWhileFetching(node.fetch, whole, never, { trustsPeers: true })
  for (let given = 0; given < MiB; ) given += (await reader.next()).value?.length ?? Number.NaN
  node.pieces.rewritten()
  node.check.resolve()
  await expect(reader.next()).rejects.toMatchObject({ code: 'verification-failed' })
})
