import { describe, expect, test } from 'bun:test'
import { posix } from 'node:path'
import fc from 'fast-check'
import { isCommit, parseOid } from '../../src/blob/oid.ts'
import type { Repo } from '../../src/repo/repo.ts'
import {
  linkTarget,
  parseRepoFolderName,
  RepoLayout,
  repoFolderName,
} from '../../src/storage/cache/cache-layout.ts'

const oid = parseOid('ab'.repeat(32))
const commit = 'c'.repeat(40)

describe('the cache layout', () => {
  test('names a repo folder by type and id, case kept', () => {
    expect(repoFolderName({ type: 'model', id: 'gpt2' })).toBe('models--gpt2')
    expect(repoFolderName({ type: 'dataset', id: 'Org/Data.v1' })).toBe('datasets--Org--Data.v1')
    expect(repoFolderName({ type: 'space', id: 'a/b' })).toBe('spaces--a--b')
    expect(repoFolderName({ type: 'kernel', id: 'a/b' })).toBe('kernels--a--b')
  })

  test.each([
    '',
    'a/b/c',
    '../x',
    'a/..',
    'a--b',
    '-a',
    'a-',
    'a.git',
    'a b',
    '/a',
    'a/',
    'x'.repeat(97),
    'a\\b',
  ])('refuses the repo id %j', (id) => {
    expect(() => repoFolderName({ type: 'model', id })).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  test('reads back every folder name that it makes', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9_])?$/)
    const repo = fc.record<Repo>({
      type: fc.constantFrom('model', 'dataset', 'space', 'kernel'),
      id: fc.oneof(
        part,
        fc.tuple(part, part).map((parts) => parts.join('/')),
      ),
    })
    fc.assert(
      fc.property(repo, (value) => {
        fc.pre(!/--|\.\.|\.git(\/|$)/.test(value.id))
        expect(parseRepoFolderName(repoFolderName(value))).toEqual(value)
      }),
    )
  })

  test.each(['.locks', 'blobs', 'CACHEDIR.TAG', 'models--', 'models--a--b--c', 'model--a', 'version.txt'])(
    'does not take %j for a repo folder',
    (name) => {
      expect(parseRepoFolderName(name)).toBeUndefined()
    },
  )

  test('puts each thing where huggingface_hub does', () => {
    const layout = new RepoLayout('/c', { type: 'model', id: 'o/n' })
    if (!isCommit(commit)) throw new Error('not a commit')
    expect(layout.blob(oid)).toBe(`/c/models--o--n/blobs/${oid}`)
    expect(layout.lock(oid)).toBe(`/c/.locks/models--o--n/${oid}.lock`)
    expect(layout.ref('main')).toBe('/c/models--o--n/refs/main')
    expect(layout.ref('refs/pr/1')).toBe('/c/models--o--n/refs/refs/pr/1')
    expect(layout.entry(commit, 'sub/big.bin')).toBe(`/c/models--o--n/snapshots/${commit}/sub/big.bin`)
    expect(layout.missing(commit, 'a/b')).toBe(`/c/models--o--n/.no_exist/${commit}/a/b`)
    expect(layout.tree(commit)).toBe(`/c/models--o--n/trees/${commit}.json`)
    expect(() => layout.ref('../../x')).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  test('links an entry to its blob whatever its depth', () => {
    expect(linkTarget('config.json', oid)).toBe(`../../blobs/${oid}`)
    expect(linkTarget('sub/big.bin', oid)).toBe(`../../../blobs/${oid}`)
    const segment = fc.stringMatching(/^[a-z]{1,4}$/)
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), (segments) => {
        const path = segments.join('/')
        const entry = posix.join('/r/snapshots', commit, path)
        expect(posix.resolve(posix.dirname(entry), linkTarget(path, oid))).toBe(`/r/blobs/${oid}`)
      }),
    )
  })
})
