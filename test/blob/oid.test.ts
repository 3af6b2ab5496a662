import { expect, test } from 'bun:test'
import { createOidHasher, pieceDigest } from '../../src/blob/digest.ts'
import { isCommit, isGitBlobId, isOid, isSha256, parseOid } from '../../src/blob/oid.ts'

const hex = (length: number) => 'a1'.repeat(length / 2)

test('tells a sha256, a git blob id and anything else apart', () => {
  expect([isSha256(hex(64)), isSha256(hex(40)), isOid(hex(40)), isCommit(hex(40))]).toEqual([
    true,
    false,
    true,
    true,
  ])
  expect([isGitBlobId(hex(40)), isGitBlobId(hex(64))]).toEqual([true, false])
  for (const text of ['', hex(38), hex(66), hex(64).toUpperCase(), `${hex(64)}\n`, `../${hex(64)}`]) {
    expect(isOid(text)).toBe(false)
    expect(() => parseOid(text)).toThrow('not a blob id')
  }
})

test('hashes content to the oid that git and the hub give it', () => {
  const bytes = new TextEncoder().encode('hello\n')
  const digest = (oid: string) => {
    const hasher = createOidHasher(parseOid(oid), bytes.length)
    for (const byte of bytes) hasher.update(Uint8Array.of(byte))
    return hasher.digest()
  }
  // `echo hello | git hash-object --stdin` and `echo hello | sha256sum`
  expect(digest(hex(40))).toBe('ce013625030ba8dba906f756967f9e9ca394464a')
  expect(digest(hex(64))).toBe('5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03')
  expect(pieceDigest(bytes)).toBe('5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03')
})
