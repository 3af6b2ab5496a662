import { rm, stat, utimes } from 'node:fs/promises'
import type { Repo } from '../../repo/repo.ts'
import { parseRepoFolderName, repoFolderName } from '../cache/cache-layout.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { makeEmptyFile, readPlainText } from '../files/plain-file.ts'

const ENDING = '.repos'
/** Some thousand repos. */
const MAX_SIZE = 2 ** 20

/** The file beside a stored blob that names the repos it was fetched for, one a line. */
function reposPathOf(blobPath: string): string {
  return blobPath + ENDING
}

/** The blob that a file of this name tells of; undefined for any other file. */
export function reposOwnerOf(name: string): string | undefined {
  return name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : undefined
}

/** The repos noted for a stored blob; an empty list where none is noted. */
export async function readStoreRepos(blobPath: string): Promise<Repo[]> {
  const text = (await readPlainText(reposPathOf(blobPath), MAX_SIZE)) ?? ''
  return text.split('\n').flatMap((line) => parseRepoFolderName(line) ?? [])
}

/** Notes all repos of a stored blob. */
export async function writeStoreRepos(blobPath: string, repos: readonly Repo[]): Promise<void> {
  await writeFileAtomically(reposPathOf(blobPath), repos.map((repo) => `${repoFolderName(repo)}\n`).join(''))
}

/**
 * Notes when a stored blob was used, as the time of the file of its repos: a time set on the blob itself would look
 * like a change of its bytes.
 */
export async function noteStoreUse(blobPath: string, usedAtMs: number): Promise<void> {
  const path = reposPathOf(blobPath)
  const set = () => utimes(path, usedAtMs / 1000, usedAtMs / 1000)
  await set().catch(async () => {
    await makeEmptyFile(path)
    await set()
  })
}

/** When a stored blob was last used as far as was noted, in Unix milliseconds. */
export async function readStoreUse(blobPath: string): Promise<number> {
  return (await unlessMissing(stat(reposPathOf(blobPath))).catch(() => undefined))?.mtimeMs ?? 0
}

/** Forgets the repos of a blob that leaves. */
export async function removeStoreRepos(blobPath: string): Promise<void> {
  await rm(reposPathOf(blobPath), { force: true }).catch(() => {})
}

/** Removes a blob from the store, with the note of its repos. Throws `disk`. */
export async function removeStoredBlob(blobPath: string): Promise<void> {
  await onDisk('remove', blobPath, () => rm(blobPath, { force: true }))
  await removeStoreRepos(blobPath)
}
