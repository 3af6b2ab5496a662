import { Budget } from '../base/budget.ts'
import { Bitmap } from '../blob/bitmap.ts'
import type { Oid } from '../blob/oid.ts'
import { type ByteRange, pieceCountOf, pieceRange } from '../blob/pieces.ts'
import type { HashService } from '../hash/hash-service.ts'
import { repoName } from '../repo/repo.ts'
import type { Room } from '../storage/files/plain-file.ts'
import type { IndexedBlob } from '../storage/store/blob-index.ts'
import type { Asker, BlobShelf, FindOptions, SharedBlob } from '../swarm/server/blob-shelf.ts'
import { senderOf } from '../swarm/trust/sender-of.ts'
import type { BlobLibrary } from './blob-library.ts'
import { KnownDigests } from './known-digests.ts'
import type { PublicRepos } from './public-repos.ts'

/**
 * Folders and files that the system is asked about for blobs which are not known here; that is a few hundredths of a core
 * for long. An asker that has used up its part is told what the last look found; watchers hear of the next look.
 */
const LOOKS = { perSecond: 4_096, saved: 2 ** 16 }

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
  readonly #looks = new Budget(LOOKS)
  readonly #digests = new KnownDigests()

  constructor(options: ShelfOptions) {
    this.#options = options
    options.library.parts.index.subscribe((oid) => this.#digests.forget(oid))
  }

  async find(oid: Oid, asker: Asker, options: FindOptions = {}): Promise<SharedBlob | undefined> {
    const { library, onMissing } = this.#options
    const { engine, index } = library.parts
    const known = await this.#findKnown(oid, asker)
    if (known || options.isKnownOnly === true) return known
    // An asker without the key must not learn from a delay that a private blob is here: a blob that is not known to be
    // public is looked for on the disk just like one that is not here, and the asker does not wait for the result.
    if (this.#looks.take(senderOf(asker.address), index.lookCost) === 0) {
      await index.look()
      const found = await this.#findKnown(oid, asker)
      if (found) return found
    }
    onMissing?.(oid, asker)
    return library.isFetching(oid) ? engine.shared(oid) : undefined
  }

  readNow(oid: Oid, asker: Asker, room: Room): Uint8Array | undefined {
    const { library } = this.#options
    if (!this.#isForAsker(oid, asker) || library.isFetching(oid)) return undefined
    return library.parts.index.readNow(oid, room)
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

  async #findKnown(oid: Oid, asker: Asker): Promise<SharedBlob | undefined> {
    const { library } = this.#options
    if (!this.#isForAsker(oid, asker)) return undefined
    if (library.isFetching(oid)) return library.parts.engine.shared(oid)
    using blob = await library.parts.index.acquireKnown(oid)
    // The blob may have been added to another repo meanwhile.
    return blob && this.#isForAsker(oid, asker) ? this.#share(blob) : undefined
  }

  /** Without the key an asker may see a blob only where all repos known to hold it are public, and at least one is known. */
  #isForAsker(oid: Oid, asker: Asker): boolean {
    const { library, publicRepos } = this.#options
    return asker.hasKey || publicRepos.areKnownPublic(library.parts.index.reposOf(oid))
  }

  #share({ oid, path, size }: IndexedBlob): SharedBlob {
    const { library, hashes } = this.#options
    const known = this.#digests
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
        // Acquiring notes the use, so that the blob is evicted last. While it is sent no pin is held: its file may lose its name.
        using pin = await library.acquire(oid)
        return Bun.file(pin?.path ?? path).slice(range.start, range.end)
      },
      digestsOf(wanted, { mayHash, signal }) {
        return known.digestsOf(oid, wanted, async (piece) => {
          signal.throwIfAborted()
          const range = pieceRange(size, piece)
          return mayHash(range.end - range.start) ? await hashes.digestOf(path, range) : undefined
        })
      },
    }
  }
}
