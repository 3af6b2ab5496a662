import { type HttpAnswer, jsonAnswer } from '../http/message.ts'
import type { RepoFile } from '../repo.ts'
import type { RevisionContext } from './context.ts'
import { isTrue } from './tree-entry.ts'

/** A repo at a revision, with its files as siblings. */
export function info(context: RevisionContext): HttpAnswer {
  const { repo, commit, request } = context
  const withBlobs = isTrue(request.query.get('blobs'))
  return jsonAnswer(
    {
      _id: repo.refs.get('refs/heads/main')?.slice(0, 24),
      id: repo.id,
      ...(repo.type === 'model' && { modelId: repo.id }),
      author: repo.id.includes('/') ? repo.id.split('/')[0] : undefined,
      sha: commit.id,
      private: repo.spec.private ?? false,
      gated: repo.spec.gated ?? false,
      disabled: repo.spec.disabled ?? false,
      createdAt: '2024-01-01T00:00:00.000Z',
      lastModified: commit.date.toISOString(),
      downloads: 0,
      likes: 0,
      tags: [],
      ...repo.spec.info,
      siblings: [...commit.files].map(([path, file]) => sibling(path, file, withBlobs)),
    },
    { 'X-Repo-Commit': commit.id },
  )
}

function sibling(path: string, file: RepoFile, withBlobs: boolean): object {
  if (!withBlobs) return { rfilename: path }
  const lfs = file.lfs && { sha256: file.oid, size: file.size, pointerSize: file.lfs.pointer.length }
  return {
    rfilename: path,
    blobId: file.gitId,
    size: file.size,
    ...(lfs && { lfs }),
    ...(file.xetHash !== undefined && { xetHash: file.xetHash }),
  }
}
