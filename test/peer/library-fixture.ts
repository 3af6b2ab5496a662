import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttpClient } from '../../src/http/http-client.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import { BlobLibrary } from '../../src/peer/blob-library.ts'
import type { DescribedFile } from '../../src/repo/file-ref.ts'
import type { OriginSource } from '../../src/repo/origin.ts'
import type { Repo } from '../../src/repo/repo.ts'
import type { HashFile } from '../../src/storage/files/hash-file.ts'
import { BlobIndex } from '../../src/storage/store/blob-index.ts'
import { BlobStore } from '../../src/storage/store/store.ts'
import { VerifiedFiles } from '../../src/storage/store/verified-files.ts'
import { TransferEngine } from '../../src/transfer/transfer-engine.ts'
import { startTestHub, type TestHub, type TestHubOptions } from '../support/hub/test-hub.ts'

/** A library over a real store in a temporary folder, and the test Hub that it fetches from. */
export interface LibraryFixture extends AsyncDisposable {
  readonly hub: TestHub
  readonly client: HubClient
  readonly library: BlobLibrary
  readonly store: BlobStore
  readonly cacheRoot: string
  /** What the Hub says of a file of the model `org/data`. */
  locate(path: string): Promise<DescribedFile & { readonly repo: Repo }>
  /** Where the Hub gives that file's bytes. */
  sourceOf(file: DescribedFile): OriginSource
}

/** The repo of every library here. */
export const repo = { type: 'model', id: 'org/data' } as const

/** Starts all of it; `files` are the content of `org/data`. */
export async function openLibrary(options: TestHubOptions): Promise<LibraryFixture> {
  const stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-library-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const hub = stack.use(await startTestHub(options))
  const http = stack.use(createHttpClient())
  const client = new HubClient({ endpoint: hub.url, http, userAgent: 'test' })
  const engine = stack.use(new TransferEngine({ report: () => {} }))
  const store = await BlobStore.open(join(folder, 'store'), { quota: 2 ** 40 })
  const verified = new VerifiedFiles(join(folder, 'state'))
  const cacheRoot = join(folder, 'hub')
  const hashFile: HashFile = (path, oid, size) => engine.hashes.matches(path, oid, size)
  const index = stack.use(await BlobIndex.open({ caches: [cacheRoot], store, verified, hashFile }))
  const library = new BlobLibrary({
    engine,
    index,
    store,
    verified,
    mayAskHub: true,
    mayShare: () => Promise.resolve(false),
  })
  return {
    hub,
    client,
    library,
    store,
    cacheRoot,
    locate: async (path) => ({ ...(await client.describeFile(repo, 'main', path)), repo }),
    sourceOf: (file) => client.openSource(repo, file),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
