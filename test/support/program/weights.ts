import { expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readAll } from '../hub/content.ts'
import type { RepoSpec } from '../hub/repo.ts'
import type { TestHub } from '../hub/test-hub.ts'
import type { RunResult } from './binary.ts'

/** A repo with one LFS file `w` of `size` bytes and a text `t`. */
export function weightsRepo(size: number): RepoSpec {
  return { id: 'o/r', commits: [{ w: { seed: 'weights', size, lfs: true }, t: 'text\n' }] }
}

/** What fetches the one LFS file of `weightsRepo`. */
export const downloadWeights = ['download', 'o/r', 'w'] as const

/** What names the blob of a file. */
export function oidOf(hub: TestHub, path = 'w', id = 'o/r'): string {
  return hub.repo(id).resolve('main')?.files.get(path)?.oid ?? 'no such file'
}

/** Bytes of a file's blob that the Hub has sent. */
export function sentOf(hub: TestHub, path = 'w', id = 'o/r'): number {
  return hub.stats().oids[oidOf(hub, path, id)]?.bodyBytes ?? 0
}

/** Fails unless the run ended well and the path that it printed holds the Hub's bytes. */
export function expectExact(hub: TestHub, result: RunResult, path = 'w', id = 'o/r'): void {
  expect(result.code, result.stderr).toBe(0)
  expect(result.stdout).toEndWith(`/${path}\n`)
  expect(isExact(hub, result.stdout.trimEnd(), path, id)).toBe(true)
}

/** Whether a file on disk holds the bytes of a file of the Hub. */
export function isExact(hub: TestHub, file: string, path = 'w', id = 'o/r'): boolean {
  const content = hub.repo(id).resolve('main')?.files.get(path)?.content
  const wanted = createHash('sha256').update(content ? readAll(content) : '')
  const found = createHash('sha256').update(readFileSync(file))
  return found.digest('hex') === wanted.digest('hex')
}
