import { readFile, rm } from 'node:fs/promises'
import { writeFileAtomically } from './atomic-write.ts'
import { type CacheRepo, parseRepoFolderName, repoFolderName } from './cache-layout.ts'

const ENDING = '.repos'

/** The file beside a stored blob that names the repos it was fetched for, one a line. */
function reposPathOf(blobPath: string): string {
  return blobPath + ENDING
}

/** The blob that a file of this name tells of; undefined for any other file. */
export function reposOwnerOf(name: string): string | undefined {
  return name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : undefined
}

/** The repos noted for a stored blob; none when nobody knows. */
export async function readStoreRepos(blobPath: string): Promise<CacheRepo[]> {
  const text = await readFile(reposPathOf(blobPath), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => parseRepoFolderName(line) ?? [])
}

/** Notes all repos of a stored blob. */
export async function writeStoreRepos(blobPath: string, repos: readonly CacheRepo[]): Promise<void> {
  await writeFileAtomically(reposPathOf(blobPath), repos.map((repo) => `${repoFolderName(repo)}\n`).join(''))
}

/** Forgets the repos of a blob that leaves. */
export async function removeStoreRepos(blobPath: string): Promise<void> {
  await rm(reposPathOf(blobPath), { force: true }).catch(() => {})
}
