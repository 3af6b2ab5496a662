import { Bitmap } from '../blob/bitmap.ts'
import type { Oid } from '../blob/oid.ts'
import { type ByteRange, pieceCountOf, pieceRange } from '../blob/pieces.ts'
import type { IndexedBlob } from '../storage/blob-index.ts'
import type { Asker, BlobShelf, SharedBlob } from '../swarm/blob-shelf.ts'
import type { HashService } from '../transfer/hash-service.ts'
import type { BlobLibrary } from './blob-library.ts'
import type { PublicRepos } from './public-repos.ts'

/** What a shelf needs to know besides the library. */
export interface ShelfOptions {
  readonly library: BlobLibrary
  readonly hashes: HashService
  /** Decides what may go to peers that hold no cluster key. */
  readonly publicRepos: PublicRepos
  /** Called when a peer asks for a blob that is not here; begins to fetch it where that is this node's task. */
  readonly onMissing?: (oid: Oid, asker: Asker) => void
}

/** All blobs on this disk, and those on their way to it, as peers may see them. */
export class LibraryShelf implements BlobShelf {
  readonly #options: ShelfOptions

  constructor(options: ShelfOptions) {
    this.#options = options
  }

  async find(oid: Oid, asker: Asker): Promise<SharedBlob | undefined> {
    const { library, onMissing } = this.#options
    const { engine } = library.parts
    if (library.isFetching(oid)) return engine.shared(oid)
    using blob = await library.acquire(oid)
    if (!blob) {
      onMissing?.(oid, asker)
      return library.isFetching(oid) ? engine.shared(oid) : undefined
    }
    return (await this.#mayHave(blob, asker)) ? this.#share(blob) : undefined
  }

  onChange(oid: Oid, listener: () => void): () => void {
    const { engine, index } = this.#options.library.parts
    const offEngine = engine.onShared(oid, listener)
    const offIndex = index.subscribe((changed) => {
      if (changed === oid) listener()
    })
    return () => {
      offEngine()
      offIndex()
    }
  }

  /** A blob of which nobody knows the repo counts as private. */
  async #mayHave(blob: IndexedBlob, asker: Asker): Promise<boolean> {
    return asker.hasKey || (await this.#options.publicRepos.isAnyPublic(blob.repos))
  }

  #share({ oid, path, size }: IndexedBlob): SharedBlob {
    const { library, hashes } = this.#options
    const pieces = new Bitmap(pieceCountOf(size))
    pieces.addAll()
    return {
      size,
      pieces,
      fetching: [],
      digests: new Map(),
      asksHub: false,
      subscribe: () => () => {},
      async open(range: ByteRange) {
        // It counts as used now, so that it goes last; a file that is being sent may lose its name meanwhile.
        using lease = await library.acquire(oid)
        return Bun.file(lease?.path ?? path).slice(range.start, range.end)
      },
      async digestsOf(wanted, signal) {
        const digests = new Map<number, string>()
        for (const piece of wanted) {
          signal.throwIfAborted()
          digests.set(piece, await hashes.digestOf(path, pieceRange(size, piece)))
        }
        return digests
      },
    }
  }
}
