import type { FileHandle } from 'node:fs/promises'
import { syncFile } from '../files/sync-file.ts'
import type { PieceJournal } from './piece-journal.ts'

/**
 * Small enough that write-back runs while bytes arrive and the last sync before a publish is short; large enough
 * that syncs cost nothing to speak of. Measured with 2 GiB on ext4: one sync at the end makes publish take
 * 580-740 ms, so it takes 15-45 ms, and the whole is no slower.
 */
const SYNC_EVERY_SIZE = 128 * 2 ** 20
/** On a slow link, how much time a power loss may cost. */
const SYNC_EVERY_MS = 5_000

/** Brings committed pieces to the medium in the background and notes in the journal how far that went. */
export class SyncPoint {
  readonly #data: FileHandle
  readonly #journal: PieceJournal
  readonly #everySize: number
  readonly #unsynced = new Set<number>()
  #unsyncedSize = 0
  #lastMs = performance.now()
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(data: FileHandle, journal: PieceJournal, everySize = SYNC_EVERY_SIZE) {
    this.#data = data
    this.#journal = journal
    this.#everySize = everySize
  }

  /** Tells of a committed piece; starts a sync when enough came together. Never waits for it. */
  committed(index: number, size: number): void {
    this.#unsynced.add(index)
    this.#unsyncedSize += size
    const isDue = this.#unsyncedSize >= this.#everySize || performance.now() - this.#lastMs >= SYNC_EVERY_MS
    if (!isDue || this.#running || this.#failure) return
    this.#running = this.#sync()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running = undefined
      })
  }

  revoked(index: number): void {
    this.#unsynced.delete(index)
  }

  /** Waits for a sync that runs. Throws when one failed: then the bytes cannot be trusted any more. */
  async settle(): Promise<void> {
    await this.#running
    if (this.#failure) throw this.#failure.error
  }

  async #sync(): Promise<void> {
    const records = this.#journal.count
    const covered = [...this.#unsynced]
    this.#unsynced.clear()
    this.#unsyncedSize = 0
    try {
      await syncFile(this.#data)
    } catch (error) {
      for (const index of covered) this.#unsynced.add(index)
      throw error
    }
    await this.#journal.append({ kind: 'checkpoint', records })
    await this.#journal.sync()
    this.#lastMs = performance.now()
  }

  /** After a failed sync the system may have dropped pages that it reported as written: they must be fetched again. */
  async #fail(error: unknown): Promise<void> {
    this.#failure = { error }
    for (const index of this.#unsynced) await this.#journal.append({ kind: 'revoke', index }).catch(() => {})
  }
}
