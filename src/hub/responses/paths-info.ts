import type { ListedFile } from '../../repo/file-ref.ts'
import type { Repo } from '../../repo/repo.ts'
import type { HubSession } from '../hub-session.ts'
import { readJsonList } from './read-json.ts'
import { parseRepoFile } from './repo-file.ts'

const PATHS_A_REQUEST = 500

/** The named files of a repo at a revision; what is not there, or is a folder, is left out. */
export async function pathsInfo(
  session: HubSession,
  repo: Repo,
  revision: string,
  paths: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly ListedFile[]> {
  const files: ListedFile[] = []
  const asked = new Set(paths)
  for (let from = 0; from < paths.length; from += PATHS_A_REQUEST) {
    const form = new URLSearchParams({ expand: 'false' })
    for (const path of paths.slice(from, from + PATHS_A_REQUEST)) form.append('paths', path)
    const found = await session.ask(
      {
        method: 'POST',
        url: session.urls.pathsInfo(repo, revision),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        signal: options.signal,
      },
      { repo, revision, call: 'paths-info' },
      (response) => readJsonList(response, 'file list', parseRepoFile),
    )
    // Some mirrors answer with more than was asked for.
    for (const file of found) if (asked.has(file.path)) files.push(file)
  }
  return files
}
