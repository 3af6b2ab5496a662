import { expect, test } from 'bun:test'
import { releaseBytes } from '../../src/base/release-bytes.ts'

test('gives back a chunk that is all of its buffer', () => {
  const chunk = new Uint8Array(2 ** 19)
  releaseBytes(chunk)
  expect(chunk.buffer.byteLength).toBe(0)
})

test('leaves a chunk alone that shares its buffer', () => {
  const buffer = new ArrayBuffer(2 ** 19)
  releaseBytes(new Uint8Array(buffer, 0, 2 ** 18))
  expect(buffer.byteLength).toBe(2 ** 19)
})

test('leaves small chunks to the collector: they may come from a pool', () => {
  const chunk = new Uint8Array(4096)
  releaseBytes(chunk)
  expect(chunk.length).toBe(4096)
})
