/** A set of piece indices in `0..size-1`, one bit each, most significant bit first as BitTorrent lays it out. */
export class Bitmap {
  readonly size: number
  readonly #bytes: Uint8Array
  #count = 0

  constructor(size: number) {
    this.size = size
    this.#bytes = new Uint8Array(Math.ceil(size / 8))
  }

  /** How many indices are in the set. */
  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.size
  }

  has(index: number): boolean {
    return index >= 0 && index < this.size && ((this.#bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
  }

  /** Puts `index` in; throws a RangeError outside the set's range. */
  add(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.size)
      throw new RangeError(`piece ${index} of ${this.size}`)
    if (this.has(index)) return
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) | (0x80 >> (index & 7))
    this.#count += 1
  }

  delete(index: number): void {
    if (!this.has(index)) return
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) & ~(0x80 >> (index & 7))
    this.#count -= 1
  }

  addAll(): void {
    for (let index = 0; index < this.size; index += 1) this.add(index)
  }

  /** The first index at or after `from` that is not in the set, or `size` when there is none. */
  firstMissing(from = 0): number {
    let index = from
    while (index < this.size && this.has(index)) index += 1
    return index
  }

  /** The indices in the set, ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let index = 0; index < this.size; index += 1) if (this.has(index)) yield index
  }

  toBase64(): string {
    return Buffer.from(this.#bytes).toString('base64')
  }

  /** Reads what `toBase64` wrote; undefined when the text is not a bitmap of exactly `size` bits. */
  static fromBase64(text: string, size: number): Bitmap | undefined {
    const bytes = Buffer.from(text, 'base64')
    if (bytes.length !== Math.ceil(size / 8) || bytes.toString('base64') !== text) return undefined
    const bitmap = new Bitmap(size)
    for (let index = 0; index < bytes.length * 8; index += 1) {
      if (((bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) === 0) continue
      if (index >= size) return undefined
      bitmap.add(index)
    }
    return bitmap
  }
}
