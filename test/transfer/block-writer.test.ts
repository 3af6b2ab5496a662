import { expect, test } from 'bun:test'
import { BlockWriter } from '../../src/transfer/writing/block-writer.ts'

function memoryFile(size: number) {
  const bytes = new Uint8Array(size)
  const writes: number[] = []
  const write = async (part: Uint8Array, offset: number) => {
    bytes.set(part, offset)
    writes.push(part.length)
  }
  return { bytes, writes, write }
}

test('parts of a few KiB reach the file in few writes, each byte in its place', async () => {
  const file = memoryFile(2 ** 20)
  const sent = crypto.getRandomValues(new Uint8Array(2 ** 16))
  const writer = new BlockWriter(file, 1000)
  for (let n = 0; n * 1448 < 600_000; n += 1) {
    const from = (n * 1448) % 60_000
    await writer.add(sent.subarray(from, from + Math.min(1448, 600_000 - n * 1448)))
  }
  await writer.flush()
  expect(file.writes).toEqual([2 ** 18, 2 ** 18, 600_000 - 2 ** 19])
  expect(Buffer.compare(file.bytes.subarray(1000, 2448), sent.subarray(0, 1448))).toBe(0)
  const last = Math.floor(600_000 / 1448) * 1448
  const from = last % 60_000
  expect(
    Buffer.compare(file.bytes.subarray(1000 + last, 601_000), sent.subarray(from, from + 600_000 - last)),
  ).toBe(0)
})

test('a part larger than a block is written whole', async () => {
  const file = memoryFile(2 ** 20)
  const sent = crypto.getRandomValues(new Uint8Array(50_000))
  const large = new Uint8Array(700_000).map((_, at) => sent[at % 50_000] ?? 0)
  const writer = new BlockWriter(file, 0)
  await writer.add(large)
  await writer.flush()
  expect(Buffer.compare(file.bytes.subarray(0, large.length), large)).toBe(0)
})

test('what was not flushed is not in the file, and a flush without bytes writes nothing', async () => {
  const file = memoryFile(1000)
  const writer = new BlockWriter(file, 0)
  await writer.add(new Uint8Array(100))
  expect(file.writes).toEqual([])
  await writer.flush()
  await writer.flush()
  expect(file.writes).toEqual([100])
})

test('a large part goes behind the small ones that came before it, as it is', async () => {
  const file = memoryFile(2 ** 20)
  const writer = new BlockWriter(file, 10)
  await writer.add(new Uint8Array(100).fill(1))
  await writer.add(new Uint8Array(2 ** 19).fill(2))
  await writer.add(new Uint8Array(100).fill(3))
  await writer.flush()
  expect(file.writes).toEqual([100, 2 ** 19, 100])
  expect([file.bytes[109], file.bytes[110], file.bytes[2 ** 19 + 109], file.bytes[2 ** 19 + 110]]).toEqual([
    1, 2, 2, 3,
  ])
})
