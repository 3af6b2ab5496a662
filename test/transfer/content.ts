/** Bytes that differ from piece to piece, the same in every run. */
export function content(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0, state = 1; at < size; at += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    bytes[at] = state >> 16
  }
  return bytes
}

/** The same bytes with one bit wrong at each of the offsets. */
export function flipped(bytes: Uint8Array, ...offsets: readonly number[]): Uint8Array {
  const copy = bytes.slice()
  for (const offset of offsets) copy[offset] = (copy[offset] ?? 0) ^ 1
  return copy
}
