import type { PlannedFile, Visibility } from './planned-file.ts'
import { noise, oidOf, PrivateWindows } from './true-bytes.ts'

/** A file as it is on the Hub. */
export interface TrueFile {
  readonly repo: string
  readonly path: string
  readonly isLfs: boolean
  readonly bytes: Uint8Array
  readonly oid: string
  readonly visibility: Visibility
}

/** What the Hub holds in one run: the measure of everything that is delivered. */
export class Truth {
  /** The positions at which the Hub itself may send an inverted byte. */
  readonly #flips: ReadonlySet<number>
  readonly files: TrueFile[] = []
  /** The bytes of private and gated repos. */
  readonly windows = new PrivateWindows()
  readonly #blobs = new Map<string, Uint8Array>()

  constructor(flips: Iterable<number> = []) {
    this.#flips = new Set(flips)
  }

  /** Makes a file's bytes from a seed. */
  add(repo: string, visibility: Visibility, file: PlannedFile, seed: string): TrueFile {
    return this.addBytes(repo, visibility, { ...file, bytes: noise(seed, file.size) })
  }

  addBytes(
    repo: string,
    visibility: Visibility,
    { path, isLfs, bytes }: { readonly path: string; readonly isLfs: boolean; readonly bytes: Uint8Array },
  ): TrueFile {
    const file = { repo, path, isLfs, bytes, oid: oidOf(bytes, isLfs), visibility }
    this.files.push(file)
    this.#blobs.set(file.oid, bytes)
    if (visibility !== 'public') this.windows.add(bytes)
    return file
  }

  /** Whether the bytes from `begin` on are those that the Hub sent, its inverted bytes among them. */
  isAsSent({ bytes }: TrueFile, begin: number, body: Uint8Array): boolean {
    // Byte by byte 67 MB take a second, in which the Hub of this process sends nothing.
    if (Buffer.compare(bytes.subarray(begin, begin + body.length), body) === 0) return true
    return body.every((byte, index) => {
      const position = begin + index
      const right = bytes[position] ?? -1
      return byte === right || (this.#flips.has(position) && byte === (right ^ 0xff))
    })
  }

  blob(oid: string): Uint8Array | undefined {
    return this.#blobs.get(oid)
  }

  of(repo: string): TrueFile[] {
    return this.files.filter((file) => file.repo === repo)
  }
}
