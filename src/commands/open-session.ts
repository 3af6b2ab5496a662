import { realpath, stat } from 'node:fs/promises'
import { delay } from '../base/delay.ts'
import type { Oid } from '../blob/oid.ts'
import { EngineShelf } from '../peer/engine-shelf.ts'
import type { PeerNode } from '../peer/peer-node.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import { CacheDestination } from '../repo-download/cache-destination.ts'
import { LocalDirDestination } from '../repo-download/local-dir-destination.ts'
import { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import { HfCache } from '../storage/cache/hf-cache.ts'
import { DiskRoom } from '../storage/files/disk-room.ts'
import type { HashFile } from '../storage/files/hash-file.ts'
import { LocalDir } from '../storage/local-dir/local-dir.ts'
import { LocalRefs } from '../storage/local-dir/local-refs.ts'
import { KeptSums } from '../storage/partial/kept-sums.ts'
import { findStored } from '../storage/store/find-stored.ts'
import { VerifiedFiles } from '../storage/store/verified-files.ts'
import { NodeBundlePeers } from '../swarm/client/bundle-peers.ts'
import { staysUntil } from '../swarm/client/linger.ts'
import { SwarmSession } from '../swarm/client/swarm-session.ts'
import { TransferEngine } from '../transfer/transfer-engine.ts'
import type { CommandContext } from './commands.ts'
import { connectHub, hubLimitsOf, openHttp } from './connect-hub.ts'
import { preparePeerNode } from './open-peer-node.ts'
import type { Subject } from './resolve-subject.ts'
import type { FetchOptions } from './settings/options.ts'

/** How often it looks whether peers still need it, in ms. */
const LINGER_STEP_MS = 100

/** The concrete parts that `download` and `snapshot` work with; closes them when disposed. */
export interface Session extends AsyncDisposable {
  /** What brings files of one repo. All fetchers of a session share its connections and its peers. */
  fetcherOf(subject: Pick<Subject, 'repo' | 'revision'>): RepoFetcher
  /** The disks that the session writes to. */
  readonly room: DiskRoom
  /** Whether a file holds the blob of this name: remembered, or found out by reading it. */
  isIntact(path: string, oid: Oid): Promise<boolean>
  /** Stays until no peer needs this process for pieces that no other peer has; bounded. */
  linger(signal: AbortSignal): Promise<void>
}

/**
 * Builds the parts from the options. Sends no request yet, and opens no port before a blob is fetched. `isMending` is for
 * blobs of the cache that are wrong: what is right of them is not fetched.
 */
export async function openSession(
  options: FetchOptions & { readonly isMending?: boolean },
  context: CommandContext,
): Promise<Session> {
  const stack = new AsyncDisposableStack()
  try {
    return await buildSession(options, context, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Leaves a session open until its peers need nothing more, while the user has the result already. */
export function closeAfterwards(session: Session, owner: AsyncDisposable, context: CommandContext): void {
  context.afterwards(async () => {
    await using _session = owner
    await session.linger(context.signal).catch(() => {})
  })
}

async function buildSession(
  options: FetchOptions & { readonly isMending?: boolean },
  context: CommandContext,
  stack: AsyncDisposableStack,
): Promise<Session> {
  const { places, peers, speed } = options
  const startedAt = performance.now()
  const http = stack.use(openHttp(options.hub, context))
  const origin = options.isOffline ? undefined : connectHub(options.hub, http, context)
  const peering =
    peers.isSharing && !options.isOffline ? await preparePeerNode(peers, speed, context) : undefined
  let node: PeerNode | undefined
  const startNode = () => {
    // Asked for each file: what it is made of is made for the first alone.
    if (node || !peering) return node
    const shelf = new EngineShelf(engine)
    const hubLimits = hubLimitsOf(options.hub, http)
    node = stack.use(peering.start({ role: 'download', fetchesForPeers: false, shelf, hubLimits }))
    return node
  }
  const engine: TransferEngine = stack.use(
    new TransferEngine({
      report: context.events,
      connections: speed.connections,
      limitRate: speed.limitRate,
      hubLimitRate: speed.hubLimitRate,
      stallMs: options.hub.downloadTimeoutMs,
      staysInSwarms: true,
      swarmOf: (blob) => {
        const peer = startNode()
        return peer && new SwarmSession(peer, blob)
      },
      bundlePeers: () => {
        const peer = startNode()
        return peer && new NodeBundlePeers(peer)
      },
    }),
  )
  const room = new DiskRoom((path) =>
    context.events({
      type: 'notice',
      text: `the disk of ${path} does not tell how much space is free; going on without knowing`,
    }),
  )
  const files = new HfCache(places.cacheDir, {
    disableSymlinks: !options.useSymlinks,
    sums: new KeptSums(places.stateDir),
    mending: options.isMending === true ? context : undefined,
  })
  const verified = new VerifiedFiles(places.stateDir)
  const hashFile: HashFile = (path, oid, size) => engine.hashes.matches(path, oid, size)
  const destinationOf = (repo: Repo) => {
    const cache = new CacheDestination(files, repo, room)
    return options.localDir === undefined
      ? cache
      : inLocalDir(options.localDir, repo, { cache, hashFile, room, stateDir: places.stateDir }, context)
  }
  const parts = {
    origin,
    engine,
    findLocal: localStore(places.storeDir, (storeDir, oid, size) =>
      findStored(storeDir, { oid, size }, { verified, hashFile, signal: context.signal }),
    ),
    onFetchLikely: startNode,
    onVerified: (files: readonly { readonly path: string; readonly oid: Oid }[]) => verified.note(files),
    hasClusterKey: peering?.key !== undefined,
    log: context.log,
    mayAskHub: peers.origin === 'auto',
    isForced: options.isForced,
    signal: context.signal,
  }
  return {
    fetcherOf: ({ repo, revision }) =>
      new RepoFetcher({ ...parts, repo, revision, destination: destinationOf(repo) }),
    room,
    isIntact: async (path, oid) => verified.verify(await realpath(path), oid, hashFile, context.signal),
    async linger(signal) {
      const endedAt = performance.now()
      const until = () => {
        const { askedAt, hasDoubted } = engine
        return staysUntil({ startedAt, endedAt, askedAt, hasDoubted })
      }
      while (engine.isNeeded() && performance.now() < until()) await delay(LINGER_STEP_MS, { signal })
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Looks for blobs in a store, if there is one on this machine: that is found out once, not for each of many files. */
function localStore(
  storeDir: string | undefined,
  find: (storeDir: string, oid: Oid, size: number) => Promise<string | undefined>,
): (oid: Oid, size: number) => Promise<string | undefined> {
  if (storeDir === undefined) return async () => undefined
  let isThere: Promise<boolean> | undefined
  return async (oid, size) => {
    isThere ??= stat(storeDir).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    return (await isThere) ? find(storeDir, oid, size) : undefined
  }
}

function inLocalDir(
  localDir: string,
  repo: Repo,
  parts: {
    readonly cache: CacheDestination
    readonly hashFile: HashFile
    readonly room: DiskRoom
    readonly stateDir: string | undefined
  },
  { log }: CommandContext,
): LocalDirDestination {
  const { cache, hashFile, room, stateDir } = parts
  const refs =
    stateDir === undefined ? undefined : new LocalRefs(stateDir, { localDir, repo: repoName(repo) })
  return new LocalDirDestination(new LocalDir(localDir, { hashFile, log }), cache, { room, refs })
}
