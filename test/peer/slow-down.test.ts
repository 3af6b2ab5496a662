import { expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { slowShelf } from '../../src/peer/slow-down.ts'
import type { Asker, BlobShelf, SharedBlob } from '../../src/swarm/server/blob-shelf.ts'

const oid = parseOid('ab'.repeat(32))
const asker: Asker = { hasKey: false, address: '127.0.0.1', peer: undefined, place: undefined }
const content = new Uint8Array(400_000).fill(7)

const blob: SharedBlob = {
  size: content.length,
  pieces: new Bitmap(1),
  fetching: [],
  digests: new Map(),
  asksHub: false,
  subscribe: () => () => {},
  open: async ({ start, end }) => new Blob([content.slice(start, end)]),
  digestsOf: async () => new Map(),
}
const shelf: BlobShelf = {
  find: async (wanted) => (wanted === oid ? blob : undefined),
  onChange: () => () => {},
}

test('gives the same bytes through the limit, and nothing for what is not there', async () => {
  const slow = slowShelf(shelf, 1e9)
  expect(await slow.find(parseOid('cd'.repeat(32)), asker)).toBeUndefined()
  const found = await slow.find(oid, asker)
  expect([found?.size, found?.pieces === blob.pieces]).toEqual([content.length, true])
  const body = await found?.open({ start: 1000, end: 5000 })
  expect(Buffer.compare(await new Response(body).bytes(), content.slice(1000, 5000))).toBe(0)
})

test('holds back what is beyond the rate until the reader gives up', async () => {
  const slow = slowShelf(shelf, 1000)
  const body = await (await slow.find(oid, asker))?.open({ start: 0, end: content.length })
  if (!(body instanceof ReadableStream)) throw new Error('a limited body must pass through the program')
  const reader = body.getReader()
  const first = reader.read()
  // 400 kB at 1 kB a second take minutes: the read is still pending when everything else has run.
  const outcome = await Promise.race([
    first.then(() => 'sent'),
    new Promise((resolve) => setImmediate(resolve, 'held')),
  ])
  expect(outcome).toBe('held')
  await reader.cancel()
})
