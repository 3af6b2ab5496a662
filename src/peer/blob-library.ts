import { DfhfError } from '../base/errors.ts'
import type { Oid } from '../blob/oid.ts'
import type { OriginSource } from '../repo/origin.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import type { BlobIndex, IndexedBlob } from '../storage/store/blob-index.ts'
import type { BlobStore } from '../storage/store/store.ts'
import type { VerifiedFiles } from '../storage/store/verified-files.ts'
import type { RunningTransfer, TransferEngine } from '../transfer/transfer-engine.ts'
import { fileFailed } from '../transfer/transfer-event.ts'
import { BlobProofs } from './blob-proof.ts'
import type { LocatedBlob } from './located-blob.ts'
import { type SharedFetch, untilDone } from './shared-fetch.ts'

interface Running {
  readonly transfer: RunningTransfer
  readonly done: Promise<void>
  readonly stop: AbortController
  users: number
}

/** What a library is made of. */
export interface LibraryParts {
  readonly engine: TransferEngine
  readonly index: BlobIndex
  readonly store: BlobStore
  readonly verified: VerifiedFiles
  /** False where bytes may come from peers alone. */
  readonly mayAskHub: boolean
  /** Whether peers may have a blob of this repo, or of one that is not known. */
  readonly mayShare: (repo: Repo | undefined) => Promise<boolean>
  /** Told of each fetch that begins, with its number in events. */
  readonly onFetch?: ((id: number, blob: LocatedBlob, transfer: RunningTransfer) => void) | undefined
}

/** All blobs that the daemon has or can get: those on disk, and those that it fetches into its store on demand. */
export class BlobLibrary {
  readonly parts: LibraryParts
  readonly #running = new Map<Oid, Promise<Running>>()
  readonly #proofs: BlobProofs

  constructor(parts: LibraryParts) {
    this.parts = parts
    this.#proofs = new BlobProofs((oid) => parts.index.reposOf(oid))
  }

  /** True where it is known that the repo holds the blob; always where the Hub may not be asked for bytes. */
  isProven(blob: LocatedBlob): boolean {
    return !this.parts.mayAskHub || blob.size === 0 || this.#proofs.has(blob)
  }

  /**
   * Has the origin prove that the repo holds the blob: before that, a client that may read the repo may not have the blob
   * from this disk or from peers. Throws `bad-response` where it does not prove it.
   */
  async prove(blob: LocatedBlob, source: OriginSource, signal?: AbortSignal): Promise<void> {
    if (!this.isProven(blob)) await this.#proofs.make(blob, source, signal)
  }

  /** A whole, verified blob on this disk; dispose it when read. */
  acquire(oid: Oid, signal?: AbortSignal): Promise<IndexedBlob | undefined> {
    return this.parts.index.acquire(oid, signal)
  }

  /** True while a blob is being fetched. */
  isFetching(oid: Oid): boolean {
    return this.#running.has(oid)
  }

  /**
   * Joins the fetch of a blob, or starts it. The fetch uses the `source` of the first asker, with its token, to the end.
   * Throws `disk-full` when the store has no room.
   */
  async join(blob: LocatedBlob, source: OriginSource): Promise<SharedFetch> {
    await this.prove(blob, source)
    let starting = this.#running.get(blob.oid)
    if (!starting) {
      starting = this.#start(blob, source)
      this.#running.set(blob.oid, starting)
      starting.catch(() => this.#running.delete(blob.oid))
    }
    const running = await starting
    running.users += 1
    let isHere = true
    return {
      transfer: running.transfer,
      done: running.done,
      leave: () => {
        if (!isHere) return
        isHere = false
        running.users -= 1
        if (running.users === 0) running.stop.abort()
      },
    }
  }

  /** Fetches a blob and waits for the end. */
  async fetch(blob: LocatedBlob, source: OriginSource, signal: AbortSignal): Promise<void> {
    const fetch = await this.join(blob, source)
    await untilDone(fetch, signal)
  }

  async #start(blob: LocatedBlob, source: OriginSource): Promise<Running> {
    const { engine, store, verified, mayAskHub, mayShare } = this.parts
    const { oid, size, repo } = blob
    const { commit = '', path = oid.slice(0, 12) } = blob
    const file = await store.openBlob(oid, size, repo)
    const stop = new AbortController()
    const id = engine.nextId()
    engine.report({ type: 'file-start', id, name: path, size, present: 0 })
    const transfer = engine.start(
      {
        oid,
        size,
        file,
        id,
        hub: mayAskHub ? source : undefined,
        // Peers pass over a place without a commit.
        place: { repo: repo ? repoName(repo) : '', commit, path },
        mayShare: () => mayShare(repo),
      },
      stop.signal,
    )
    this.parts.onFetch?.(id, blob, transfer)
    const finish = async () => {
      try {
        await transfer.done
        await verified.record(await file.publish(), oid)
      } catch (error) {
        // The Hub's own bytes were wrong: no later fetch may begin with them.
        if (error instanceof DfhfError && error.code === 'verification-failed') await file.discard()
        throw error
      } finally {
        this.#running.delete(oid)
        // From now on peers get it from the store, or not at all.
        engine.withdraw(oid)
        await file.close()
      }
    }
    const done = finish()
    // Readers hear of a failure when they wait for the fetch; here it is only logged.
    done.catch((error: unknown) => {
      engine.report(fileFailed(id, error))
    })
    return { transfer, done, stop, users: 0 }
  }
}
