import { stat } from 'node:fs/promises'

/** Files that are read as one, and who is told when they change. */
export interface FollowOptions<T> {
  readonly paths: readonly string[]
  /** Reads them; throws where they are not what they should be. */
  readonly read: () => Promise<T>
  /** Told the new value. */
  readonly onChange: (value: T) => void
  /** Told once of each change that cannot be used; the value before it stays. */
  readonly onFailure: (error: unknown) => void
  /** How often to look, in ms. @default 5000 */
  readonly everyMs?: number | undefined
}

/**
 * The value in small files that are replaced while this process runs, as Kubernetes does with a Secret by turning a link
 * elsewhere: no watch of a folder tells of that everywhere, so the files are looked at.
 */
export class FollowedFiles<T> implements Disposable {
  readonly #options: FollowOptions<T>
  readonly #timer: NodeJS.Timeout
  #value: T
  /** Of what was read last, and of what was found unusable last. */
  #stamps: { good: string; bad: string | undefined }
  #looking: Promise<void> | undefined

  private constructor(options: FollowOptions<T>, value: T, stamp: string) {
    this.#options = options
    this.#value = value
    this.#stamps = { good: stamp, bad: undefined }
    this.#timer = setInterval(() => void this.look(), options.everyMs ?? 5_000)
    this.#timer.unref()
  }

  /** Reads the files, and follows them until disposed. Throws what `read` throws. */
  static async open<T>(options: FollowOptions<T>): Promise<FollowedFiles<T>> {
    const stamp = await stampOf(options.paths)
    return new FollowedFiles(options, await options.read(), stamp)
  }

  get value(): T {
    return this.#value
  }

  /** Looks now; resolves when a change has been read. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    const { paths, read, onChange, onFailure } = this.#options
    const stamp = await stampOf(paths)
    if (stamp === this.#stamps.good) return
    try {
      this.#value = await read()
      this.#stamps = { good: stamp, bad: undefined }
      onChange(this.#value)
    } catch (error) {
      // Files that are written one after the other fit together at the next look.
      if (stamp !== this.#stamps.bad) onFailure(error)
      this.#stamps.bad = stamp
    }
  }
}

/** Tells one state of the files from every other; links are followed. */
async function stampOf(paths: readonly string[]): Promise<string> {
  const stamps = paths.map(async (path) => {
    const stats = await stat(path, { bigint: true }).catch(() => undefined)
    return stats ? `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}` : 'none'
  })
  return (await Promise.all(stamps)).join()
}
