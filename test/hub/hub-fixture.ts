import { createHash } from 'node:crypto'
import type { Commit } from '../../src/blob/oid.ts'
import { createHttpClient, type HttpClientOptions } from '../../src/http/http-client.ts'
import { HubBlobSource } from '../../src/hub/hub-blob-source.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import type { HubOptions } from '../../src/hub/hub-session.ts'
import type { DescribedFile } from '../../src/repo/file-ref.ts'
import type { Repo } from '../../src/repo/repo.ts'

/** The repo of test/support/hub/fixtures.ts. */
export const varied: Repo = { type: 'model', id: 'test-org/varied' }

/** A client of a test Hub that never waits between tries. */
export function clientOf(
  endpoint: string,
  options: Partial<HubOptions> & { readonly connect?: HttpClientOptions } = {},
): HubClient & AsyncDisposable {
  const { connect, ...hub } = options
  const http = createHttpClient(connect)
  const client = new HubClient({
    endpoint,
    http,
    userAgent: 'dfhf/test',
    retry: { wait: async () => {}, random: () => 0.5 },
    ...hub,
  })
  return Object.assign(client, { [Symbol.asyncDispose]: () => http.close() })
}

/** The source of a file at a revision, as an engine makes it; `withLocation` spares it the first question. */
export async function sourceOf(
  client: HubClient,
  path: string,
  options: {
    readonly now?: () => number
    readonly withLocation?: boolean
    readonly blob?: Partial<DescribedFile>
  } = {},
): Promise<{ source: HubBlobSource; size: number; oid: string; commit: Commit }> {
  const { commit, oid, size, location } = await client.describeFile(varied, 'main', path)
  const found = options.withLocation === true ? { location } : {}
  const file = { commit, path, oid, size, ...found, ...options.blob }
  const source = new HubBlobSource(client.session, varied, file, { now: options.now })
  return { source, size, oid, commit }
}

/** The oid that the bytes have, of the same kind as `oid`. */
export function oidOf(bytes: Uint8Array, oid: string): string {
  if (oid.length === 64) return createHash('sha256').update(bytes).digest('hex')
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}
