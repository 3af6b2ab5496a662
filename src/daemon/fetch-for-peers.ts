import { DfhfError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { Semaphore } from '../base/semaphore.ts'
import { isCommit, type Oid } from '../blob/oid.ts'
import type { HubClient } from '../hub/hub-client.ts'
import { parseRepo } from '../hub/parse-repo.ts'
import type { Asker } from '../swarm/blob-shelf.ts'
import type { BlobLibrary } from './blob-library.ts'

/** Blobs that are fetched for peers at once, and how many more may wait. */
const AT_ONCE = 4
const MOST_WAITING = 256
/** How long a blob that could not be fetched is not tried again, in ms. */
const PAUSE_MS = 30_000

/** What fetching for others needs. */
export interface FetchForPeersOptions {
  readonly library: BlobLibrary
  /** Carries this node's token; used for askers that hold the cluster key. */
  readonly hub: HubClient
  /** Carries no token: an asker without key gets what anybody may read. */
  readonly anonymousHub: HubClient
  readonly signal: AbortSignal
  readonly log: Log
}

/**
 * Fetches into the store what peers ask for and this node lacks, so that only such nodes touch the Hub. A peer says
 * where a blob is; the Hub is asked whether that is true before a byte is fetched.
 */
export function createFetchForPeers(options: FetchForPeersOptions): (oid: Oid, asker: Asker) => void {
  const { library, hub, anonymousHub, signal, log } = options
  const places = new Semaphore(AT_ONCE)
  const wanted = new Set<Oid>()

  const fetch = async (oid: Oid, asker: Asker) => {
    if (!asker.origin || !isCommit(asker.origin.commit)) return
    const { commit, path } = asker.origin
    const { type, id } = parseRepo(asker.origin.repo)
    const repo = { type, id }
    const source = asker.hasKey ? hub : anonymousHub
    const found = await source.fileMetadata(repo, commit, path, { signal })
    if (found.oid !== oid)
      throw new DfhfError(
        'bad-response',
        `peer ${asker.peer?.name ?? asker.address} names a file that is another blob`,
      )
    // It may be here all the same, and only not be known to be public.
    using here = await library.acquire(oid, signal)
    if (!here) await library.fetch({ ...found, repo, path }, source, signal)
  }

  return (oid, asker) => {
    if (!asker.origin || wanted.has(oid) || wanted.size >= MOST_WAITING || signal.aborted) return
    wanted.add(oid)
    const forget = () => wanted.delete(oid)
    places
      .run(() => fetch(oid, asker), signal)
      .then(forget, (error: unknown) => {
        if (!signal.aborted)
          log.warn(
            `cannot fetch ${oid.slice(0, 12)} for a peer: ${error instanceof Error ? error.message : String(error)}`,
          )
        setTimeout(forget, PAUSE_MS).unref()
      })
  }
}
