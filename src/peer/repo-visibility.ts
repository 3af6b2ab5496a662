import type { HubClient } from '../hub/hub-client.ts'
import type { Repo } from '../repo/repo.ts'

/**
 * A question, asked of the Hub at most once: may anybody read this repo? Without a token what we could read is
 * public; with one the Hub must say that the repo is neither private nor gated. No answer counts as no.
 */
export function createRepoVisibility(
  hub: HubClient | undefined,
  repo: Repo,
  revision: string,
): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined
  return () => {
    answer ??= ask(hub, repo, revision)
    return answer
  }
}

async function ask(hub: HubClient | undefined, repo: Repo, revision: string): Promise<boolean> {
  if (!hub) return false
  if (!hub.hasToken) return true
  try {
    const { isPrivate, isGated } = await hub.repoInfo(repo, revision)
    return !isPrivate && !isGated
  } catch {
    return false
  }
}
