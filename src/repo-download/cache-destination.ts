import { dirname } from 'node:path'
import { type Commit, isOid, isSha256 } from '../blob/oid.ts'
import { pieceRange } from '../blob/pieces.ts'
import type { Repo } from '../repo/repo.ts'
import type { HfCache } from '../storage/cache/hf-cache.ts'
import type { PlacedFile } from '../storage/cache/placed-files.ts'
import type { TreeEntry } from '../storage/cache/tree-cache.ts'
import { placeBlob } from '../storage/partial/place-blob.ts'
import type { BlobFile } from '../transfer/blob-file.ts'
import type { Destination, KnownFile, ListedFile, WantedFile } from './destination.ts'
import { DiskRoom } from './disk-room.ts'

/** The Hugging Face cache as the place where a repo's files go. */
export class CacheDestination implements Destination {
  readonly #cache: HfCache
  readonly #repo: Repo
  readonly #room: DiskRoom
  /** Blobs that this run published: without links they move into the first snapshot entry that wants them. */
  readonly #published = new Set<string>()

  constructor(cache: HfCache, repo: Repo, room = new DiskRoom()) {
    this.#cache = cache
    this.#room = room
    this.#repo = repo
  }

  readRef(revision: string): Promise<Commit | undefined> {
    return this.#cache.readRef(this.#repo, revision)
  }

  async findKnown(revision: string, path: string): Promise<KnownFile | undefined> {
    const commit = await this.readRef(revision)
    const found = commit && (await this.#cache.findFile(this.#repo, commit, path))
    return found === undefined || commit === undefined ? undefined : { commit, path: found }
  }

  /** The blob of a file, where it is in the cache with the right size. */
  findBlob(file: WantedFile): Promise<string | undefined> {
    return this.#cache.findBlob(this.#repo, file.oid, file.size)
  }

  async has(file: WantedFile): Promise<boolean> {
    return ((await this.findBlob(file)) ?? (await this.#findEntry(file))) !== undefined
  }

  async place(file: WantedFile): Promise<string | undefined> {
    const entry = await this.#findEntry(file)
    if (entry !== undefined) return entry
    return (await this.findBlob(file)) === undefined ? undefined : this.#link(file)
  }

  lock(
    file: WantedFile,
    options: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
  ): Promise<AsyncDisposable> {
    return this.#cache.lock(this.#repo, file.oid, options)
  }

  async openBlob(file: WantedFile): Promise<BlobFile> {
    return withRoom(await this.#cache.openBlob(this.#repo, file.oid, file.size), this.#room)
  }

  async ensureRoom(files: readonly WantedFile[]): Promise<void> {
    await this.#room.ensure([await this.#cache.spaceNeeded(this.#repo, files)])
  }

  async copyFrom(source: string, file: WantedFile, signal: AbortSignal): Promise<string> {
    const target = this.#cache.layout(this.#repo).blob(file.oid)
    // Opening makes the folders; an empty partial file goes away with the close.
    await (await this.#cache.openBlob(this.#repo, file.oid, file.size)).close()
    await placeBlob(source, target, { signal, expected: file })
    return this.finish(file, target)
  }

  finish(file: WantedFile, _publishedPath: string): Promise<string> {
    this.#published.add(file.oid)
    return this.#link(file)
  }

  noteRevision(revision: string, commit: Commit): Promise<boolean> {
    return this.#cache.writeRef(this.#repo, revision, commit)
  }

  noteMissing(commit: Commit, path: string): Promise<void> {
    return this.#cache.markMissing(this.#repo, commit, path)
  }

  noteTree(commit: Commit, files: readonly ListedFile[]): Promise<void> {
    return this.#cache.writeTree(this.#repo, commit, files.map(toTreeEntry))
  }

  async readTree(commit: Commit): Promise<ListedFile[] | undefined> {
    const entries = await this.#cache.readTree(this.#repo, commit)
    const files = entries?.map(toListedFile)
    return files?.every((file) => file !== undefined) ? files : undefined
  }

  listPlaced(commit: Commit): Promise<PlacedFile[] | undefined> {
    return this.#cache.listPlaced(this.#repo, commit)
  }

  folderOf(commit: Commit): string {
    return this.#cache.layout(this.#repo).snapshot(commit)
  }

  /** A file that another tool, or a crash, cut short does not count. */
  #findEntry(file: WantedFile): Promise<string | undefined> {
    return this.#cache.findFile(this.#repo, file.commit, file.path, file.size)
  }

  #link(file: WantedFile): Promise<string> {
    const isNew = this.#published.delete(file.oid)
    return this.#cache.linkFile(this.#repo, file.commit, file.path, file.oid, { isNew })
  }
}

/** Gives the blob back when the disk has room for what is missing of it; else closes it and throws `disk-full`. */
export async function withRoom(blob: BlobFile, room: DiskRoom): Promise<BlobFile> {
  try {
    await room.ensure([{ path: dirname(blob.path), size: missingSize(blob) }])
    return blob
  } catch (error) {
    await blob.close()
    throw error
  }
}

/** Bytes that still have to be written. */
function missingSize(blob: BlobFile): number {
  let present = 0
  for (const piece of blob.pieces) {
    const { start, end } = pieceRange(blob.size, piece)
    present += end - start
  }
  return blob.size - present
}

export function toTreeEntry(file: ListedFile): TreeEntry {
  const { path, size, blobId, lfs, xetHash } = file
  return {
    path,
    size,
    blobId,
    ...(lfs ? { lfs: { sha256: lfs.oid, size: lfs.size } } : {}),
    ...(xetHash ? { xetHash } : {}),
  }
}

/** Undefined for an entry whose hashes are misshapen: the listing came from a file that anybody may have written. */
export function toListedFile(entry: TreeEntry): ListedFile | undefined {
  const { path, size, blobId, lfs, xetHash } = entry
  const oid = lfs?.sha256 ?? blobId
  if (!isOid(oid) || (lfs !== undefined && !isSha256(oid))) return undefined
  return {
    path,
    size: lfs?.size ?? size,
    oid,
    blobId,
    ...(lfs ? { lfs: { oid: lfs.sha256, size: lfs.size } } : {}),
    ...(xetHash ? { xetHash } : {}),
  }
}
