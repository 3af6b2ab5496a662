import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type FetchParts, RepoFetcher } from '../../src/repo-download/repo-fetcher.ts'
import { type EngineOptions, TransferEngine } from '../../src/transfer/transfer-engine.ts'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { sampleBlob } from '../storage/sample-blob.ts'
import type { OpenDestination } from './destinations.ts'
import { FolderOrigin } from './folder-origin.ts'

export const repo = { type: 'dataset', id: 'org/data' } as const

/** What the repo holds: plain files, LFS files of one and of many pieces, two names of one content. */
export const content: Readonly<Record<string, Uint8Array>> = {
  'config.json': Buffer.from('{"a":1}'),
  'weights/a.bin': sampleBlob(20_000_000, 1).bytes,
  'weights/b.bin': sampleBlob(3_000_000, 2).bytes,
  'weights/same.bin': sampleBlob(3_000_000, 2).bytes,
  'empty.txt': new Uint8Array(),
}

/** A repo in a folder, a real engine, and fetchers from the one over the other to one place. */
export interface DownloadWorld extends Disposable {
  /** The origin's folder. */
  readonly root: string
  readonly origin: FolderOrigin
  readonly events: readonly TransferEvent[]
  /** Writes a file of the repo. */
  put(path: string, bytes: Uint8Array): void
  fetcher(parts?: Partial<FetchParts>): RepoFetcher
}

/** Makes one; `folder` gives fresh folders. */
export function openDownloadWorld(
  open: OpenDestination,
  folder: () => string,
  options: Partial<EngineOptions> = {},
): DownloadWorld {
  const [root, target] = [folder(), folder()]
  const put = (path: string, bytes: Uint8Array) => {
    const file = join(root, 'datasets', 'org', 'data', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
  }
  for (const [path, bytes] of Object.entries(content)) put(path, bytes)
  const events: TransferEvent[] = []
  const engine = new TransferEngine({ report: (event) => void events.push(event), ...options })
  const origin = new FolderOrigin(root)
  const fetcher = (parts: Partial<FetchParts> = {}) =>
    new RepoFetcher({
      repo,
      revision: 'main',
      origin,
      destination: open(target, repo),
      engine,
      hasClusterKey: false,
      findLocal: async () => undefined,
      onFetchLikely: () => {},
      onVerified: async () => {},
      log: { debug() {}, info() {}, warn() {} },
      mayAskHub: true,
      isForced: false,
      signal: new AbortController().signal,
      ...parts,
    })
  return { root, origin, events, put, fetcher, [Symbol.dispose]: () => engine[Symbol.dispose]() }
}
