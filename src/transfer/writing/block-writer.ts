import type { BlobFile } from './blob-file.ts'

/** Bytes that make a write worth its way through the system: sockets on a slow link give a few KiB at a time. */
export const BLOCK_SIZE = 2 ** 18
/** A part so large is written as it is: to copy it first would cost more than the shorter write. */
const WORTH_ITS_OWN_WRITE = 2 ** 17

/** Gathers the small parts in which a range arrives, and writes them in blocks. */
export class BlockWriter {
  readonly #file: Pick<BlobFile, 'write'>
  readonly #block: Uint8Array
  #offset: number
  #filled = 0

  /** For a range that begins at `offset`. The block is the writer's as long as it writes, and can be used again then. */
  constructor(file: Pick<BlobFile, 'write'>, offset: number, block: Uint8Array = new Uint8Array(BLOCK_SIZE)) {
    this.#file = file
    this.#offset = offset
    this.#block = block
  }

  /** Takes the bytes that come next; they may be changed once this resolves. */
  async add(bytes: Uint8Array): Promise<void> {
    if (bytes.length >= WORTH_ITS_OWN_WRITE) {
      await this.flush()
      await this.#file.write(bytes, this.#offset)
      this.#offset += bytes.length
      return
    }
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + this.#block.length - this.#filled)
      this.#block.set(part, this.#filled)
      this.#filled += part.length
      done += part.length
      if (this.#filled === this.#block.length) await this.flush()
    }
  }

  /** Resolves when all that was taken is in the file. */
  async flush(): Promise<void> {
    if (this.#filled === 0) return
    await this.#file.write(this.#block.subarray(0, this.#filled), this.#offset)
    this.#offset += this.#filled
    this.#filled = 0
  }
}
