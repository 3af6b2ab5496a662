import type { HubClient } from '../../src/hub/hub-client.ts'
import type { ListedFile } from '../../src/repo/file-ref.ts'
import type { Repo } from '../../src/repo/repo.ts'

/** Every file that the client lists, whatever their pages. */
export async function listedFiles(client: HubClient, repo: Repo, revision: string): Promise<ListedFile[]> {
  const pages = await Array.fromAsync(client.listPages(repo, revision))
  return pages.flatMap(({ files }) => files)
}
