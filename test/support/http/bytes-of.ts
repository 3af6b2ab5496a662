/** All bytes of a body; each part is copied, as its sender may use its memory again. */
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part.slice())
  return Buffer.concat(parts)
}
