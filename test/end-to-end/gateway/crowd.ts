// `bun crowd.ts URL COUNT`: reads a URL that many times at once, and prints each reader's digest and time as JSON.
const [url = '', count = '1'] = process.argv.slice(2)

/** How a reader fared. */
export interface Reader {
  /** Of the bytes that came. */
  readonly sha256: string
  readonly firstByteMs: number
  readonly ms: number
}

async function read(): Promise<Reader> {
  const startedAt = performance.now()
  // One connection each, as separate clients have.
  const answer = await fetch(url, { keepalive: false })
  const hash = new Bun.CryptoHasher('sha256')
  let firstByteMs = Number.NaN
  for await (const chunk of answer.body ?? []) {
    if (Number.isNaN(firstByteMs)) firstByteMs = performance.now() - startedAt
    hash.update(chunk)
  }
  return { sha256: hash.digest('hex'), firstByteMs, ms: performance.now() - startedAt }
}

if (import.meta.main) {
  const readers = await Promise.all(Array.from({ length: Number(count) }, read))
  process.stdout.write(`${JSON.stringify(readers)}\n`)
}
