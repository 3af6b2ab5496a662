import { gitId } from './digest.ts'
import type { RepoFile } from './repo.ts'

/** One git object as it is hashed. */
export interface GitObject {
  readonly type: 'blob' | 'tree' | 'commit'
  readonly id: string
  readonly bytes: Uint8Array
}

/** The folders of a commit: their git ids by path (the root is ''), and the tree objects. */
export interface GitTrees {
  readonly folders: ReadonlyMap<string, string>
  readonly objects: readonly GitObject[]
}

type Entry = RepoFile | Folder
interface Folder {
  readonly entries: Map<string, Entry>
}

/** Builds git's trees, with git's order and ids, from a flat list of files. */
export function buildTrees(files: ReadonlyMap<string, RepoFile>): GitTrees {
  const root: Folder = { entries: new Map() }
  for (const [path, file] of files) place(root, path.split('/'), file)
  const folders = new Map<string, string>()
  const objects: GitObject[] = []
  writeFolder(root, '', folders, objects)
  return { folders, objects }
}

/** A commit object with a fixed author; the same content gives the same id everywhere. */
export function buildCommit(tree: string, parent: string | undefined, title: string, date: Date): GitObject {
  const who = `Test Hub <hub@example.org> ${Math.floor(date.getTime() / 1000)} +0000`
  const parentLine = parent === undefined ? '' : `parent ${parent}\n`
  const text = `tree ${tree}\n${parentLine}author ${who}\ncommitter ${who}\n\n${title}\n`
  const bytes = new TextEncoder().encode(text)
  return { type: 'commit', id: gitId('commit', bytes), bytes }
}

function place(folder: Folder, segments: readonly string[], file: RepoFile): void {
  const [name = '', ...rest] = segments
  if (rest.length === 0) {
    folder.entries.set(name, file)
    return
  }
  const existing = folder.entries.get(name)
  const child = existing && 'entries' in existing ? existing : { entries: new Map() }
  folder.entries.set(name, child)
  place(child, rest, file)
}

function writeFolder(
  folder: Folder,
  path: string,
  folders: Map<string, string>,
  objects: GitObject[],
): string {
  const rows = [...folder.entries].map(([name, entry]) => {
    if (!('entries' in entry)) return { mode: '100644', name, sortName: name, id: entry.gitId }
    const childPath = path === '' ? name : `${path}/${name}`
    return { mode: '40000', name, sortName: `${name}/`, id: writeFolder(entry, childPath, folders, objects) }
  })
  rows.sort((a, b) => Buffer.compare(Buffer.from(a.sortName), Buffer.from(b.sortName)))
  const parts = rows.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
  )
  const bytes = Buffer.concat(parts)
  const id = gitId('tree', bytes)
  folders.set(path, id)
  objects.push({ type: 'tree', id, bytes })
  return id
}
