import { createHash } from 'node:crypto'

const RETRY_MS = 100

/** A file of the Hub as its listing names it. */
export interface ListedFile {
  readonly path: string
  readonly size: number
  readonly oid: string
}

/** Where a client asks, and until when. */
export interface ClientOptions {
  readonly repo: string
  /** The gateway that is up; undefined while it is away. */
  readonly gateway: () => string | undefined
  readonly signal: AbortSignal
}

/**
 * Gets a whole file as a Hub's client does, going on behind the bytes that it has when a daemon dies, and returns whether
 * they hash to its oid. Throws when the signal aborts first.
 */
export async function getFile(file: ListedFile, { repo, gateway, signal }: ClientOptions): Promise<boolean> {
  const hash = createHash('sha256')
  for (let offset = 0; ; ) {
    signal.throwIfAborted()
    const url = gateway()
    const range = offset > 0 && { Range: `bytes=${offset}-` }
    const answer = url && (await ask(`${url}/${repo}/resolve/main/${file.path}`, { ...range }, signal))
    const isExpected = answer && answer.status === (offset > 0 ? 206 : 200)
    for await (const chunk of isExpected ? bytesOf(answer) : []) {
      hash.update(chunk)
      offset += chunk.length
    }
    if (offset >= file.size) return offset === file.size && hash.digest('hex') === file.oid
    await Bun.sleep(RETRY_MS)
  }
}

async function ask(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response | undefined> {
  return await fetch(url, { headers, signal, keepalive: false }).catch(() => undefined)
}

/** The body up to where it breaks off. */
async function* bytesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  for (;;) {
    const part = await reader?.read().catch(() => undefined)
    if (!part || part.done) return
    yield part.value
  }
}
