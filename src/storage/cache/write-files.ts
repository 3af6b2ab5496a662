import { readlinkSync, statSync, symlinkSync } from 'node:fs'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Commit } from '../../blob/oid.ts'
import type { FileRef } from '../../repo/file-ref.ts'
import { makeParentInside } from '../files/folder.ts'
import { isInMemory, isLocalDisk } from '../files/local-disk.ts'
import { type SyncFiles, syncEach } from '../files/sync-files.ts'
import { hasSoundLocks } from '../partial/claim-partial.ts'
import { writeMany } from '../partial/write-many.ts'
import type { EntryLink, RepoLayout } from './cache-layout.ts'

/** So many repos are remembered. */
const MOST_REPOS = 1_000

/** A small file whose content is whole in memory and was checked there. */
export interface WholeFile {
  readonly file: FileRef
  readonly bytes: Uint8Array
}

/** What a cache's files are written with. */
export interface FilesWriterParts {
  /** Of the cache. */
  readonly root: string
  /** False where a power loss may cost the files. */
  readonly isDurable: boolean
  /** Folders of snapshots from which relative links are known to lead to the blobs. */
  readonly straightFolders: Map<string, true>
}

/** Where a file goes. */
interface Place extends EntryLink {
  readonly commit: Commit
}

/** How the blobs of one repo may be written: many together, and put on the medium by `sync` where that outlives anything. */
type Way = { readonly isQuick: boolean; readonly sync?: SyncFiles }

/** Writes many small files into a cache together. */
export class FilesWriter {
  readonly #parts: FilesWriterParts
  readonly #ways = new BoundedMap<string, Way>(MOST_REPOS)

  constructor(parts: FilesWriterParts) {
    this.#parts = parts
  }

  /**
   * Writes the blobs and the entries that lead to them, see `writeMany`; the folder of the blobs must be there. Gives the
   * paths of the entries, in the order of the files; undefined for a file that is not at its place, which has to be put
   * there by itself.
   */
  async write(layout: RepoLayout, files: readonly WholeFile[]): Promise<(string | undefined)[]> {
    const paths = new Array<string | undefined>(files.length)
    const { isQuick, sync } = await this.#wayFor(layout.blobs)
    if (!isQuick) return paths
    const places = files.map(({ file: { commit, path, oid } }): Place => {
      return { commit, ...layout.link(commit, path, oid) }
    })
    await this.#makeParents(layout, places)
    const blobs = files.map(({ file: { oid }, bytes }) => {
      return { bytes, folder: layout.blobs, stem: oid, finalPath: layout.blob(oid) }
    })
    await writeMany(blobs, sync, (index) => {
      const place = places[index]
      if (place && this.#isLinked(place)) paths[index] = place.entry
    })
    return paths
  }

  /** Not quick where other machines have a part in the folder, for which the thread would wait, and where locks mean nothing. */
  async #wayFor(blobs: string): Promise<Way> {
    const known = this.#ways.get(blobs)
    if (known) return known
    const isQuick = (await isLocalDisk(blobs)) && (await hasSoundLocks(blobs))
    const isSynced = this.#parts.isDurable && !(await isInMemory(blobs))
    const way = { isQuick, ...(isSynced && { sync: syncEach }) }
    this.#ways.set(blobs, way)
    return way
  }

  async #makeParents(layout: RepoLayout, places: readonly Place[]): Promise<void> {
    const { root, straightFolders } = this.#parts
    const made = new Set<string>()
    for (const { folder, entry, commit } of places) {
      if (straightFolders.has(folder) || made.has(folder)) continue
      await makeParentInside(root, entry, layout.snapshot(commit))
      made.add(folder)
    }
  }

  /** Makes an entry where none stands. False where it is not sure to lead to the blob. */
  #isLinked({ entry, folder, target }: Place): boolean {
    const { straightFolders } = this.#parts
    try {
      symlinkSync(target, entry)
    } catch {
      if (linkAt(entry) !== target) return false
    }
    if (straightFolders.has(folder)) return true
    const isStraight = statSync(entry, { throwIfNoEntry: false })?.isFile() === true
    if (isStraight) straightFolders.set(folder, true)
    return isStraight
  }
}

function linkAt(entry: string): string | undefined {
  try {
    return readlinkSync(entry)
  } catch {
    return undefined
  }
}
