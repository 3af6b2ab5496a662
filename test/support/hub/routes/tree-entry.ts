import type { Commit, RepoFile } from '../repo.ts'

/** A file as tree and paths-info show it. */
export function fileEntry(commit: Commit, path: string, file: RepoFile, isExpanded: boolean): object {
  return {
    type: 'file',
    oid: file.gitId,
    size: file.size,
    ...(file.lfs && { lfs: { oid: file.oid, size: file.size, pointerSize: file.lfs.pointer.length } }),
    ...(file.xetHash !== undefined && { xetHash: file.xetHash }),
    path,
    ...(isExpanded && {
      ...expansion(commit),
      securityFileStatus: { status: 'safe', avScan: null, pickleImportScan: null },
    }),
  }
}

/** A folder as tree and paths-info show it. */
export function folderEntry(commit: Commit, path: string, isExpanded: boolean): object {
  const oid = commit.trees.folders.get(path) ?? ''
  return { type: 'directory', oid, size: 0, path, ...(isExpanded && expansion(commit)) }
}

/** A boolean of a query or form, as httpx (`true`) or requests (`True`) writes it. */
export function isTrue(value: string | null | undefined): boolean {
  return value?.toLowerCase() === 'true' || value === '1'
}

function expansion(commit: Commit): object {
  return { lastCommit: { id: commit.id, title: commit.title, date: commit.date.toISOString() } }
}
