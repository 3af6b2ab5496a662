import { stat } from 'node:fs/promises'
import { unlessMissing } from './disk-error.ts'

/** A folder that changed so shortly before a look may change again without another time stamp. */
const RACY_MS = 2_000

/** Tells which folders changed since the look before, at the cost of one stat each. */
export class FolderStamps {
  readonly #stamps = new Map<string, string>()

  /** False only when no name came to the folder or left it since the last call. */
  async hasChanged(path: string): Promise<boolean> {
    const stats = await unlessMissing(stat(path, { bigint: true })).catch(() => undefined)
    if (stats === undefined) return this.#note(path, undefined)
    const stamp = `${stats.ino} ${stats.mtimeNs}`
    if (stamp === this.#stamps.get(path)) return false
    return this.#note(path, Number(stats.mtimeMs) > Date.now() - RACY_MS ? undefined : stamp)
  }

  /** Forgets a folder that is gone. */
  forget(path: string): void {
    this.#stamps.delete(path)
  }

  #note(path: string, stamp: string | undefined): true {
    if (stamp === undefined) this.#stamps.delete(path)
    else this.#stamps.set(path, stamp)
    return true
  }
}
