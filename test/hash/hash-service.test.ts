import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { HashService } from '../../src/hash/hash-service.ts'
import { sampleBlob } from '../storage/sample-blob.ts'

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
    using hashes = new HashService(worker)
    const matches = hashes.matches(file, blob.oid, blob.bytes.length)
    const error: unknown = await matches.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DfhfError)
    expect(String(error)).toStartWith('DfhfError: the thread that checks what came ended')
    await expect(hashes.digestOf(file, { start: 0, end: 10 })).rejects.toBeInstanceOf(DfhfError)
    rmSync(folder, { recursive: true })
  })
})
