import type { BlobFile } from './blob-file.ts'

/** Bytes that make a write worth its way through the system: sockets on a slow link give a few KiB at a time. */
export const BLOCK_SIZE = 2 ** 18
/** A part so large is written as it is. To copy a smaller one costs less than one more write. */
const WORTH_ITS_OWN_WRITE = BLOCK_SIZE

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

  /** Takes the bytes that come next; they may be changed once this resolves, or at once where it gives nothing to wait for. */
  add(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length >= this.#block.length - this.#filled) return this.#write(bytes)
    this.#block.set(bytes, this.#filled)
    this.#filled += bytes.length
    return undefined
  }

  /** Resolves when all that was taken is in the file. */
  async flush(): Promise<void> {
    if (this.#filled === 0) return
    await this.#file.write(this.#block.subarray(0, this.#filled), this.#offset)
    this.#offset += this.#filled
    this.#filled = 0
  }

  async #write(bytes: Uint8Array): Promise<void> {
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
}
