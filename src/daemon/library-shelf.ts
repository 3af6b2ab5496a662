import { Bitmap } from '../blob/bitmap.ts'
import type { Oid } from '../blob/oid.ts'
import { type ByteRange, pieceCountOf, pieceRange } from '../blob/pieces.ts'
import { repoName } from '../hub/repo.ts'
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
    if (await this.#mayHave(oid, asker)) {
      if (library.isFetching(oid)) return engine.shared(oid)
      using blob = await library.acquire(oid)
      // It may have become another repo's meanwhile.
      if (blob && this.#isForAsker(oid, asker)) return this.#share(blob)
    }
    onMissing?.(oid, asker)
    return library.isFetching(oid) ? engine.shared(oid) : undefined
  }

  onChange(oid: Oid, listener: () => void): () => void {
    const { library, publicRepos } = this.#options
    const { engine, index } = library.parts
    const offEngine = engine.onShared(oid, listener)
    const offIndex = index.subscribe((changed) => {
      if (changed === oid) listener()
    })
    const offPublic = publicRepos.onPublic((repo) => {
      if (index.reposOf(oid).some((each) => repoName(each) === repoName(repo))) listener()
    })
    return () => {
      offEngine()
      offIndex()
      offPublic()
    }
  }

  /**
   * Whether a peer may hear of a blob that is here. One without the key must not learn by a delay what is not public:
   * all that is not known to be is looked for on the disk as what is not here, and nothing is waited for.
   */
  async #mayHave(oid: Oid, asker: Asker): Promise<boolean> {
    if (this.#isForAsker(oid, asker)) return true
    await this.#options.library.parts.index.look()
    return this.#isForAsker(oid, asker)
  }

  /** A blob that is in any repo that is not public is not, and neither is one of which nobody knows the repo. */
  #isForAsker(oid: Oid, asker: Asker): boolean {
    const { library, publicRepos } = this.#options
    return asker.hasKey || publicRepos.areKnownPublic(library.parts.index.reposOf(oid))
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
