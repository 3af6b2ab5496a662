import { BoundedMap } from '../base/bounded-map.ts'
import { Budget } from '../base/budget.ts'
import { DfhfError, isOfClass } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { Semaphore } from '../base/semaphore.ts'
import { isCommit, type Oid } from '../blob/oid.ts'
import type { Origin } from '../repo/origin.ts'
import { parseRepoName } from '../repo/repo.ts'
import type { Asker, BlobPlace } from '../swarm/server/blob-shelf.ts'
import { senderOf } from '../swarm/trust/sender-of.ts'
import type { BlobLibrary } from './blob-library.ts'

/** Blobs that are fetched for peers at once, and how many more may wait. */
const AT_ONCE = 4
const MOST_WAITING = 256
/** Of those, how many one sender may have waiting. */
const MOST_OF_SENDER = 64
/** How long a blob that could not be fetched from a place is not tried from there again, in ms. */
const PAUSE_MS = 30_000
const MOST_PAUSED = 4096
/** How often the Hub may be asked about places that turn out not to hold the blob; right places do not count. */
const WRONG_PLACES = { perSecond: 4, saved: 256 }

/** What fetching for others needs. */
export interface FetchForPeersOptions {
  readonly library: BlobLibrary
  /** Carries this node's token; used for askers that hold the cluster key. */
  readonly hub: Origin
  /** Carries no token: an asker without the key gets public files alone. */
  readonly anonymousHub: Origin
  readonly signal: AbortSignal
  readonly log: Log
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

/**
 * Fetches into the store what peers ask for and this node lacks, so that only such nodes touch the Hub. A peer says
 * where a blob is; the Hub is asked whether that is true before a byte is fetched.
 */
export function createFetchForPeers(options: FetchForPeersOptions): (oid: Oid, asker: Asker) => void {
  const { library, hub, anonymousHub, signal, log, now = () => performance.now() } = options
  const places = new Semaphore(AT_ONCE)
  const wrongPlaces = new Budget({ ...WRONG_PLACES, now })
  /** Each wanted blob and place, with the sender that asked for it. */
  const wanted = new Map<string, string>()
  const pausedUntil = new BoundedMap<string, number>(MOST_PAUSED)

  const fetch = async (oid: Oid, asker: Asker, place: BlobPlace) => {
    const { commit, path } = place
    if (!isCommit(commit)) return
    const repo = parseRepoName(place.repo)
    const asked = asker.hasKey ? hub : anonymousHub
    const found = await asked.describeFile(repo, commit, path, { signal })
    if (found.oid !== oid)
      throw new DfhfError(
        'bad-response',
        `peer ${asker.peer?.name ?? asker.address} names a file that is another blob`,
      )
    // The blob may be here already, and only not be known to be public.
    using here = await library.acquire(oid, signal)
    if (!here) await library.fetch({ ...found, repo }, asked.openSource(repo, found), signal)
  }

  const fail = (error: unknown, { key, oid, sender }: Wish) => {
    if (signal.aborted) return
    if (isWrongPlace(error)) wrongPlaces.take(sender, 1)
    log.warn(
      `cannot fetch ${oid.slice(0, 12)} for a peer: ${error instanceof Error ? error.message : String(error)}`,
    )
    pausedUntil.set(key, now() + PAUSE_MS)
  }

  return (oid, asker) => {
    const { place } = asker
    if (!place || signal.aborted) return
    const sender = senderOf(asker.address)
    // A wrong place from one sender must not keep another sender's right one from being tried.
    const key = [oid, place.repo, place.commit, place.path, asker.hasKey].join(' ')
    if (wanted.has(key) || (pausedUntil.get(key) ?? 0) > now()) return
    const ofSender = [...wanted.values()].filter((other) => other === sender).length
    if (wanted.size >= MOST_WAITING || ofSender >= MOST_OF_SENDER) return
    if (wrongPlaces.take(sender, 0) > 0) return
    wanted.set(key, sender)
    places
      .run(() => fetch(oid, asker, place), signal)
      .catch((error: unknown) => fail(error, { key, oid, sender }))
      .finally(() => wanted.delete(key))
  }
}

interface Wish {
  readonly key: string
  readonly oid: Oid
  readonly sender: string
}

/** True where the Hub says that the place does not hold the blob; a Hub that does not answer proves nothing. */
function isWrongPlace(error: unknown): boolean {
  return isOfClass(error, 'denied', 'missing', 'malformed', 'usage')
}
