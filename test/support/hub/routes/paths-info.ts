import { type HttpAnswer, jsonAnswer } from '../http/message.ts'
import type { RevisionContext } from './context.ts'
import { fileEntry, folderEntry, isTrue } from './tree-entry.ts'

/** The entries of chosen paths, asked for by form or JSON; what does not exist is absent. */
export function pathsInfo(context: RevisionContext): HttpAnswer {
  const { commit, request } = context
  const { paths, isExpanded } = readBody(request.headers.get('content-type') ?? '', request.body)
  const entries = paths.flatMap((path) => {
    const file = commit.files.get(path)
    if (file) return fileEntry(commit, path, file, isExpanded)
    return path !== '' && commit.trees.folders.has(path) ? folderEntry(commit, path, isExpanded) : []
  })
  return jsonAnswer(entries, { 'X-Repo-Commit': commit.id })
}

function readBody(type: string, body: Uint8Array): { paths: readonly string[]; isExpanded: boolean } {
  const text = new TextDecoder().decode(body)
  if (type.includes('json')) {
    const value = JSON.parse(text) as { paths?: string[]; expand?: boolean }
    return { paths: value.paths ?? [], isExpanded: value.expand === true }
  }
  const form = new URLSearchParams(text)
  return { paths: form.getAll('paths'), isExpanded: isTrue(form.get('expand')) }
}
