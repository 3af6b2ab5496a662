import { DfhfError } from '../base/errors.ts'
import { Semaphore } from '../base/semaphore.ts'
import { formatSize } from '../base/size.ts'
import { createTimeSlice } from '../base/time-slice.ts'
import type { Commit } from '../blob/oid.ts'
import type { BlobLibrary } from '../peer/blob-library.ts'
import { untilDone } from '../peer/shared-fetch.ts'
import type { ListedFile } from '../repo/file-ref.ts'
import type { Origin } from '../repo/origin.ts'
import { createPathFilter } from '../repo/patterns.ts'
import { repoName } from '../repo/repo.ts'
import type { BytesBySource } from '../transfer/transfer-event.ts'
import type { WarmEvent } from './warm-event.ts'
import type { WarmOrder } from './warm-order.ts'

/** Files that one order fetches at a time. */
const AT_ONCE = 4
const MAX_FILES = 1_000_000
const PROGRESS_EVERY_MS = 500

/** The files that an order means. */
export interface WarmPlan {
  readonly order: WarmOrder
  readonly commit: Commit
  readonly files: readonly ListedFile[]
  readonly size: number
}

/** The parts that carry out an order. */
export interface WarmParts {
  readonly library: BlobLibrary
  /** Asks with the permissions of the client that orders. */
  readonly hub: Origin
  readonly storeQuota: number
  readonly signal: AbortSignal
}

/** Asks the Hub what the order means; throws in the Hub's words, and `disk-full` for what can never fit. */
export async function planWarm(order: WarmOrder, parts: WarmParts): Promise<WarmPlan> {
  const { hub, signal, storeQuota } = parts
  const { commit } = await hub.resolveRevision(order.repo, order.revision, { signal })
  const isKept = createPathFilter(order)
  const others = createTimeSlice()
  const files: ListedFile[] = []
  let size = 0
  for await (const page of hub.listPages(order.repo, commit, { signal })) {
    for (const file of page.files) {
      await others()
      signal.throwIfAborted()
      if (!isKept(file.path)) continue
      files.push(file)
      size += file.size
      if (files.length > MAX_FILES) throw new DfhfError('usage', `more than ${MAX_FILES} files at once`)
    }
  }
  if (size > storeQuota) {
    throw new DfhfError(
      'disk-full',
      `${formatSize(size)} do not fit into a store of ${formatSize(storeQuota)}`,
      {
        hint: 'raise --store-quota there, or choose files with --include',
      },
    )
  }
  return { order, commit, files: files.sort((a, b) => b.size - a.size), size }
}

/** Fetches the plan's files into the store. `tell` takes what happens, and may be waited for. */
export async function runWarm(
  plan: WarmPlan,
  parts: WarmParts,
  tell: (event: WarmEvent) => Promise<void>,
): Promise<void> {
  const { order, commit, files, size } = plan
  const startedAt = performance.now()
  const stop = new AbortController()
  const signal = AbortSignal.any([parts.signal, stop.signal])
  await tell({ type: 'plan', commit, files: files.length, size })
  const places = new Semaphore(AT_ONCE)
  const total = { hub: 0, peers: 0, local: 0 }
  const work = files.map((file, number) =>
    places.run(async () => {
      signal.throwIfAborted()
      await tell({ type: 'file-start', file: number, name: file.path, size: file.size })
      const begunAt = performance.now()
      const { bytes, wasHere } = await bring(file, plan, { ...parts, signal }, (cost) =>
        tell({ type: 'progress', file: number, bytes: cost }),
      )
      for (const kind of ['hub', 'peers', 'local'] as const) total[kind] += bytes[kind]
      const ms = Math.round(performance.now() - begunAt)
      await tell({ type: 'file-done', file: number, oid: file.oid, ms, bytes, wasHere })
    }, signal),
  )
  // The first failure ends the rest, and nothing is left running.
  for (const each of work) each.catch((error: unknown) => stop.abort(error))
  const results = await Promise.allSettled(work)
  parts.signal.throwIfAborted()
  if (stop.signal.aborted) throw stop.signal.reason
  if (results.some(({ status }) => status === 'rejected')) throw new Error('a file failed')
  await tell({
    type: 'done',
    repo: repoName(order.repo),
    revision: order.revision,
    commit,
    files: files.length,
    size,
    ms: Math.round(performance.now() - startedAt),
    bytes: total,
  })
}

async function bring(
  file: ListedFile,
  { order, commit }: WarmPlan,
  { library, hub, signal }: WarmParts,
  tellCost: (bytes: BytesBySource) => Promise<void>,
): Promise<{ readonly bytes: BytesBySource; readonly wasHere: boolean }> {
  const nothing = { hub: 0, peers: 0, local: 0 }
  if (file.size === 0) return { bytes: nothing, wasHere: true }
  const { oid, size, path } = file
  const blob = { oid, size, path, repo: order.repo, commit }
  // A client whose repo only names the blob must not learn that it is here.
  const source = hub.openSource(order.repo, blob)
  await library.prove(blob, source, signal)
  {
    using here = await library.acquire(oid, signal)
    if (here) return { bytes: nothing, wasHere: true }
  }
  const fetch = await library.join(blob, source)
  const { counters } = fetch.transfer
  let told = 0
  const timer = setInterval(() => {
    const { bytes } = counters
    if (bytes.hub + bytes.peers === told) return
    told = bytes.hub + bytes.peers
    void tellCost(bytes)
  }, PROGRESS_EVERY_MS)
  try {
    await untilDone(fetch, signal)
    return { bytes: counters.bytes, wasHere: false }
  } finally {
    clearInterval(timer)
  }
}
