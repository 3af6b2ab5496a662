import { DfhfError } from '../../base/errors.ts'
import { withoutEndSlashes } from '../../base/without-end-slashes.ts'
import type { ListedPage } from '../../repo/origin.ts'
import type { Repo } from '../../repo/repo.ts'
import { isOfficialHost } from '../hub-hosts.ts'
import type { HubSession } from '../hub-session.ts'
import { linkTarget } from './link-header.ts'
import { readJsonList } from './read-json.ts'
import { parseRepoFile } from './repo-file.ts'

const MAX_PAGES = 20_000

/** Every file of a repo at a revision, folders walked, page by page as the Hub gives them. */
export async function* listTree(
  session: HubSession,
  repo: Repo,
  revision: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<ListedPage> {
  const asked = new Set<string>()
  let url: string | undefined = session.urls.tree(repo, revision)
  while (url !== undefined) {
    if (asked.has(url) || asked.size >= MAX_PAGES) {
      throw new DfhfError('bad-response', `the Hub's file list of ${repo.id} has no end`)
    }
    asked.add(url)
    const request = { url, signal: options.signal }
    const page = await session.ask(request, { repo, revision, call: 'tree' }, async (response) => ({
      files: await readJsonList(response, 'file list', parseRepoFile),
      links: response.headers.getAll('link'),
    }))
    url = nextPage(session, page.links)
    yield { files: page.files, isLast: url === undefined }
  }
}

/**
 * The next page, always on the endpoint itself: a mirror may pass the Hub's own address on, or one with the scheme and
 * port that it has behind its TLS proxy. One on any other host is refused, since the token would go there.
 */
function nextPage(session: HubSession, links: readonly string[]): string | undefined {
  const target = linkTarget(links, 'next')
  if (target === undefined) return undefined
  const { endpoint } = session
  const next = URL.canParse(target, endpoint.href) ? new URL(target, endpoint.href) : undefined
  if (next?.origin === endpoint.origin) return next.href
  if (next && (isOfficialHost(next.hostname) || next.hostname === endpoint.hostname)) {
    const prefix = withoutEndSlashes(endpoint.pathname)
    const path = next.pathname.startsWith(`${prefix}/`) ? next.pathname : prefix + next.pathname
    return endpoint.origin + path + next.search
  }
  throw new DfhfError('bad-response', "the next page of the Hub's file list is on another host")
}
