import { describe, expect, test } from 'bun:test'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { sumOf } from '../../src/blob/piece-sums.ts'
import { HashPool } from '../../src/hash/hash-pool.ts'
import { HashService } from '../../src/hash/hash-service.ts'
import { pieceOf, sampleBlob } from '../storage/sample-blob.ts'
import { eventually } from '../support/gateway/eventually.ts'

const address = new URL('../../src/hash/hash-worker.ts', import.meta.url).href
const blob = sampleBlob(5 * 2 ** 20)

describe('the hash service', () => {
  test('tells whether a file is the blob', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-hash-'))
    using hashes = new HashService()
    const file = join(folder, 'file')
    writeFileSync(file, blob.bytes)
    expect(await hashes.matches(file, blob.oid, blob.bytes.length)).toBe(true)
    expect(await hashes.matches(file, parseOid('0'.repeat(64)), blob.bytes.length)).toBe(false)
    rmSync(folder, { recursive: true })
  })

  test('gives the sums of the pieces that it read on the way', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-hash-'))
    using hashes = new HashService()
    const file = join(folder, 'file')
    writeFileSync(file, blob.bytes)
    const { isRight, sums } = await hashes.check(file, blob.oid, blob.bytes.length)
    expect(isRight).toBe(true)
    expect([...sums]).toEqual([0, 1, 2, 3, 4].map((piece) => [piece, sumOf(pieceOf(blob, piece))]))
    rmSync(folder, { recursive: true })
  })

  test('hashes several growing blobs at once, more than there are threads', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-hash-'))
    using hashes = new HashService(new HashPool({ address, mostThreads: 2 }))
    const blobs = [1, 2, 3, 4].map((seed) => sampleBlob(9 * 2 ** 20 + seed, seed))
    const digests = await Promise.all(
      blobs.map(async ({ bytes, oid }, index) => {
        const file = join(folder, String(index))
        writeFileSync(file, bytes.subarray(0, 2 ** 23))
        const prefix = hashes.follow(file, oid, bytes.length)
        prefix.advance(2 ** 22)
        prefix.advance(2 ** 23)
        appendFileSync(file, bytes.subarray(2 ** 23))
        return await prefix.finish()
      }),
    )
    expect(digests).toEqual(blobs.map(({ oid }) => oid))
    rmSync(folder, { recursive: true })
  })

  test('begins a blob anew on another thread where its own ended at rest', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-hash-'))
    const pool = new HashPool({ address, restMs: 5 })
    using hashes = new HashService(pool)
    const file = join(folder, 'file')
    writeFileSync(file, new Uint8Array(blob.bytes.length))
    const prefix = hashes.follow(file, blob.oid, blob.bytes.length)
    expect(await prefix.finish()).not.toBe(blob.oid)
    await eventually(
      async () => pool.size,
      (size) => size === 0,
    )
    writeFileSync(file, blob.bytes)
    prefix.restart()
    expect(await prefix.finish()).toBe(blob.oid)
    rmSync(folder, { recursive: true })
  })

  test('keeps the program running while an answer is awaited, and no longer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-hash-'))
    const file = join(folder, 'file')
    writeFileSync(file, blob.bytes)
    const service = join(import.meta.dir, '../../src/hash/hash-service.ts')
    const script = `
      import { HashService } from ${JSON.stringify(service)}
      const { stdout } = process
      const hashes = new HashService()
      hashes.matches(${JSON.stringify(file)}, '${blob.oid}', ${blob.bytes.length}).then((it) => stdout.write(String(it)))
    `
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
    expect([await child.stdout.text(), await child.exited]).toEqual(['true', 0])
    rmSync(folder, { recursive: true })
  })

  test.each([
    ['is not there', undefined],
    ['throws as it starts', 'throw new Error("no such CPU")'],
    ['ends as it starts', 'process.exit(3)'],
    ['ends at the first request', 'self.onmessage = () => process.exit(0)'],
    ['throws at the first request', 'self.onmessage = () => { throw new Error("out of memory") }'],
  ])('fails in one error where the worker %s', async (_what, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-hash-'))
    const worker = join(folder, 'worker.ts')
    if (code !== undefined) writeFileSync(worker, code)
    const file = join(folder, 'file')
    writeFileSync(file, blob.bytes)
    using hashes = new HashService(new HashPool({ address: worker }))
    const matches = hashes.matches(file, blob.oid, blob.bytes.length)
    const error: unknown = await matches.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DfhfError)
    expect(String(error)).toStartWith('DfhfError: the thread that checks what came ended')
    await expect(hashes.digestOf(file, { start: 0, end: 10 })).rejects.toBeInstanceOf(DfhfError)
    rmSync(folder, { recursive: true })
  })
})
