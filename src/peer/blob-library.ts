import { DfhfError } from '../base/errors.ts'
import type { BlobSource } from '../blob/blob-source.ts'
import type { Commit, Oid } from '../blob/oid.ts'
import { HubBlobSource } from '../hub/hub-blob-source.ts'
import { HubClient } from '../hub/hub-client.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import type { BlobIndex, IndexedBlob } from '../storage/store/blob-index.ts'
import type { BlobStore } from '../storage/store/store.ts'
import type { VerifiedFiles } from '../storage/store/verified-files.ts'
import type { BlobTransfer } from '../transfer/blob-transfer.ts'
import type { TransferEngine } from '../transfer/transfer-engine.ts'
import { BlobProofs, type SendToBytes, sendToHub } from './blob-proof.ts'

/** A blob and where on the Hub it is, as far as that is known. */
export interface LocatedBlob {
  readonly oid: Oid
  readonly size: number
  /** A blob of no known repo counts as private. */
  readonly repo?: Repo | undefined
  readonly commit?: Commit | undefined
  readonly path?: string | undefined
  /** Where the Hub said a moment ago that the bytes are. */
  readonly location?: string | undefined
  /** True where the asker's own address of these bytes was tried and gives them. */
  readonly isProven?: boolean | undefined
}

/** One fetch into the store that any number of readers share. */
export interface Errand {
  readonly transfer: BlobTransfer
  /** Resolves when the blob is whole, checked and in the store; rejects with what went wrong. */
  readonly done: Promise<void>
  /** Says that one of those who joined is no longer interested; the last one to leave ends the fetch. */
  leave(): void
}

interface Running {
  readonly transfer: BlobTransfer
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

  /** True where it is known that the blob is what its repo holds; always where the Hub may not be asked for bytes. */
  isProven(blob: LocatedBlob): boolean {
    return !this.parts.mayAskHub || blob.size === 0 || this.#proofs.has(blob)
  }

  /**
   * Has the Hub show that the repo holds the blob: who may read the repo may not have it from this disk or from peers
   * before. Throws `bad-response` where it is not shown.
   */
  async prove(blob: LocatedBlob, from: HubClient | SendToBytes, signal?: AbortSignal): Promise<void> {
    if (this.isProven(blob)) return
    await this.#proofs.make(blob, from instanceof HubClient ? await sendToHub(from, blob, signal) : from)
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
   * Joins the fetch of a blob, or starts it. `from` speaks with the token of whoever asks first; it is used for as
   * long as the fetch runs; any other source than the Hub is one whose bytes were tried. Throws `disk-full` when the
   * store has no room.
   */
  async join(blob: LocatedBlob, from: HubClient | BlobSource): Promise<Errand> {
    if (from instanceof HubClient) await this.prove(blob, from)
    let starting = this.#running.get(blob.oid)
    if (!starting) {
      starting = this.#start(blob, from)
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

  /** Waits for a fetch to end, as its only wish. */
  async fetch(blob: LocatedBlob, from: HubClient | BlobSource, signal: AbortSignal): Promise<void> {
    const errand = await this.join(blob, from)
    const leave = () => errand.leave()
    signal.addEventListener('abort', leave, { once: true })
    try {
      signal.throwIfAborted()
      await errand.done
    } finally {
      signal.removeEventListener('abort', leave)
      errand.leave()
    }
  }

  async #start(blob: LocatedBlob, from: HubClient | BlobSource): Promise<Running> {
    const { engine, store, verified, mayAskHub, mayShare } = this.parts
    const { oid, size, repo } = blob
    const { commit = '', path = oid.slice(0, 12) } = blob
    const file = await store.openBlob(oid, size, repo)
    const stop = new AbortController()
    const id = engine.nextId()
    engine.report({ type: 'file-start', id, name: path, size, present: 0 })
    const bringing = engine.bring(
      {
        oid,
        size,
        file,
        id,
        hub: mayAskHub ? hubSource(blob, from) : undefined,
        // Peers pass over an origin without a commit.
        origin: { repo: repo ? repoName(repo) : '', commit, path },
        mayShare: () => mayShare(repo),
      },
      stop.signal,
    )
    const transfer = engine.find(oid)
    const finish = async () => {
      try {
        await bringing
        await verified.record(await file.publish(), oid)
      } catch (error) {
        // The Hub's own bytes were wrong: nothing of them may be a later fetch's beginning.
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
    // Readers hear of a failure when they wait; nobody else need.
    done.catch((error: unknown) => {
      engine.report({
        type: 'file-failed',
        id,
        reason: error instanceof Error ? error.message : String(error),
      })
    })
    if (!transfer)
      throw await done.then(
        () => new Error('the transfer ended before it began'),
        (error: unknown) => error,
      )
    return { transfer, done, stop, users: 0 }
  }
}

/** Where the Hub's bytes of a blob come from; undefined when nobody can say. */
export function hubSource(blob: LocatedBlob, from: HubClient | BlobSource): BlobSource | undefined {
  if (!(from instanceof HubClient)) return from
  const { oid, size, repo, commit, path, location } = blob
  if (!repo || commit === undefined || path === undefined) return undefined
  return new HubBlobSource(from.session, repo, { oid, size, commit, path, location })
}
