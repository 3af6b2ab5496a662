import { refusal } from '../access.ts'
import { type HttpAnswer, jsonAnswer } from '../http/message.ts'
import type { Commit } from '../repo.ts'
import type { RevisionContext } from './context.ts'
import { fileEntry, folderEntry, isTrue } from './tree-entry.ts'

/** A page of the files and folders below a path. */
export function tree(context: RevisionContext): HttpAnswer {
  const { request, route, commit, settings } = context
  const folder = route.path.replace(/\/$/, '')
  if (!commit.trees.folders.has(folder)) {
    return refusal(404, `${folder} does not exist on "${route.revision}"`, 'EntryNotFound', commit.id)
  }
  const isExpanded = isTrue(request.query.get('expand'))
  const entries = listEntries(context, folder, isTrue(request.query.get('recursive')), isExpanded)
  const usual = settings.pageSize ?? (isExpanded ? 50 : 1000)
  const pageSize = Math.min(Number(request.query.get('limit') ?? usual), usual)
  const offset = Number(Buffer.from(request.query.get('cursor') ?? '', 'base64url').toString() || 0)
  const end = offset + pageSize
  return jsonAnswer(entries.slice(offset, end), {
    'X-Repo-Commit': commit.id,
    ...(end < entries.length && { Link: nextLink(context, end) }),
  })
}

/** Lists that were made, as each page of a long one would cost the making of all of it. */
const lists = new WeakMap<Commit, Map<string, object[]>>()

function listEntries(
  { commit }: RevisionContext,
  folder: string,
  isRecursive: boolean,
  isExpanded: boolean,
): object[] {
  const key = `${isRecursive} ${isExpanded} ${folder}`
  const made = lists.get(commit) ?? new Map<string, object[]>()
  lists.set(commit, made)
  const list = made.get(key) ?? makeList(commit, folder, isRecursive, isExpanded)
  made.set(key, list)
  return list
}

function makeList(commit: Commit, folder: string, isRecursive: boolean, isExpanded: boolean): object[] {
  const start = folder === '' ? '' : `${folder}/`
  const isListed = (path: string) =>
    path.startsWith(start) && path !== folder && (isRecursive || !path.slice(start.length).includes('/'))
  const folders = [...commit.trees.folders.keys()]
    .filter((path) => path !== '' && isListed(path))
    .map((path) => ({ path, entry: folderEntry(commit, path, isExpanded) }))
  const files = [...commit.files]
    .filter(([path]) => isListed(path))
    .map(([path, file]) => ({ path, entry: fileEntry(commit, path, file, isExpanded) }))
  return [...folders, ...files].sort((a, b) => (a.path < b.path ? -1 : 1)).map(({ entry }) => entry)
}

function nextLink({ request, hubUrl }: RevisionContext, offset: number): string {
  const query = new URLSearchParams(request.query)
  query.set('cursor', Buffer.from(String(offset)).toString('base64url'))
  return `<${hubUrl}${request.path}?${query}>; rel="next"`
}
