import { networkInterfaces } from 'node:os'
import { countOf } from '../base/count-of.ts'
import { HubCircuit } from '../gateway/mirror/hub-circuit.ts'
import { BlobLibrary } from '../peer/blob-library.ts'
import { createFetchForPeers } from '../peer/fetch-for-peers.ts'
import { LibraryShelf } from '../peer/library-shelf.ts'
import type { PeerNode } from '../peer/peer-node.ts'
import { PublicRepos } from '../peer/public-repos.ts'
import { createSlowHash } from '../peer/slow-hash.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import { CollectWhenLarge } from '../serve/collect-when-large.ts'
import { PinnedRepos } from '../serve/pinned-repos.ts'
import { Readiness } from '../serve/readiness.ts'
import { tellServiceManager } from '../serve/service-manager.ts'
import { ShrinkAtRest } from '../serve/shrink-at-rest.ts'
import { StatusBoard } from '../serve/status/status-board.ts'
import { KeptSums } from '../storage/partial/kept-sums.ts'
import { BlobChecker } from '../storage/store/blob-checker.ts'
import { BlobIndex } from '../storage/store/blob-index.ts'
import { PinNotes } from '../storage/store/pin-notes.ts'
import { BlobStore } from '../storage/store/store.ts'
import { VerifiedFiles } from '../storage/store/verified-files.ts'
import { SwarmSession } from '../swarm/client/swarm-session.ts'
import { TransferEngine } from '../transfer/transfer-engine.ts'
import type { CommandContext } from './commands.ts'
import {
  connectAnonymously,
  connectHub,
  findUsersToken,
  hubHostOf,
  hubLimitsOf,
  openHttp,
} from './connect-hub.ts'
import { followPeerSecrets, followUsersToken, followWarmToken } from './follow-secrets.ts'
import { leave } from './leave.ts'
import { preparePeerNode } from './open-peer-node.ts'
import { openingLines } from './opening-lines.ts'
import type { ServeOptions } from './settings/options.ts'
import { startGateway } from './start-gateway.ts'
import { startMetrics } from './start-metrics.ts'

/** Bytes a second at which blobs are read again: a store of 100 GB in an hour and a half. */
const CHECK_RATE = 20e6

/** `dfhf serve`: a peer that stays, with all blobs of this node's cache and store. Ends when the signal aborts. */
export async function serveCommand(options: ServeOptions, context: CommandContext): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const { places, peers, speed } = options
  const { log, signal } = context
  // Loaded here, so that only `serve` pays for loading the metrics library.
  const { DaemonMetrics } = await import('../serve/metrics.ts')
  const metrics = new DaemonMetrics(context.version)
  const board = new StatusBoard()
  const circuit = new HubCircuit(log)
  const hubHost = hubHostOf(options.hub)
  const http = stack.use(
    openHttp(options.hub, context, (status, { host }, failure) => {
      metrics.hubAnswered(status)
      if (host === hubHost) circuit.answered(status, failure)
    }),
  )
  const usersToken = await followUsersToken(options.hub, stack, context)
  const warmTokens = await followWarmToken(options.warmTokenFile, stack, log)
  const hub = connectHub(options.hub, http, context, usersToken)
  const anonymousHub = connectAnonymously(options.hub, http, context)
  const publicRepos = new PublicRepos(anonymousHub)
  const peering = peers.isSharing ? await preparePeerNode(peers, speed, context) : undefined
  let node: PeerNode | undefined
  const engine = stack.use(
    new TransferEngine({
      report: (event) => {
        metrics.observe(event)
        board.observe(event)
        context.events(event)
      },
      connections: speed.connections,
      limitRate: speed.limitRate,
      hubLimitRate: speed.hubLimitRate,
      stallMs: options.hub.downloadTimeoutMs,
      swarmOf: peering && ((blob) => node && new SwarmSession(node, blob)),
    }),
  )
  const verified = new VerifiedFiles(places.stateDir)
  let isIndexed = false
  const readiness = new Readiness({
    'store-index': () => isIndexed,
    'peer-search': () => isIndexed && (peering === undefined || node?.hasSearched === true),
  })
  if (options.metrics) stack.use(await startMetrics(options.metrics, { metrics, readiness, log }))
  const store = await BlobStore.open(places.storeDir, {
    sums: new KeptSums(places.stateDir),
    quota: options.storeQuota,
    freeSpaceFloor: options.minFree,
    freeShareFloor: options.minFreeShare,
    log,
  })
  const index = stack.use(
    await BlobIndex.open({
      caches: [places.cacheDir],
      store,
      verified,
      hashFile: (path, oid, size) => engine.hashes.matches(path, oid, size),
      log,
    }),
  )
  isIndexed = true
  if (options.checkEveryMs > 0) {
    stack.use(
      BlobChecker.start({
        index,
        verified,
        hashFile: createSlowHash(engine.hashes, CHECK_RATE),
        everyMs: options.checkEveryMs,
        log,
      }),
    )
  }
  const library = new BlobLibrary({
    engine,
    index,
    store,
    verified,
    mayAskHub: peers.origin === 'auto',
    onFetch: (id, blob, transfer) => board.began(id, blob, transfer),
    mayShare: async (repo) =>
      peering?.key !== undefined || (repo !== undefined && (await publicRepos.isPublic(repo))),
  })
  if (peering) {
    const onMissing = options.isFetchingForPeers
      ? createFetchForPeers({ library, hub, anonymousHub, signal, log })
      : undefined
    node = stack.use(
      peering.start({
        role: 'serve',
        fetchesForPeers: options.isFetchingForPeers,
        hubLimits: hubLimitsOf(options.hub, http),
        onUpload: (upload) => {
          metrics.uploaded(upload.size)
          board.uploaded(upload)
        },
        shelf: new LibraryShelf({
          library,
          hashes: engine.hashes,
          publicRepos,
          ...(onMissing && { onMissing }),
        }),
      }),
    )
    await followPeerSecrets(peers, { node, key: peering.key }, stack, log)
    log.info(`serving ${countOf(index.oids().size, 'blob')} to peers on port ${node.port}`)
    if (peering.key === undefined) void publicRepos.learn(reposIn(index), signal)
  }
  const gateway =
    options.gateway &&
    stack.use(
      await startGateway(
        options.gateway,
        options,
        {
          library,
          publicRepos,
          http,
          ownHub: hub,
          circuit,
          metrics,
          readiness,
          status: {
            board,
            sources: {
              version: context.version,
              hubHost,
              store: () => ({ used: store.usedSize, quota: options.storeQuota, blobs: index.oids().size }),
              peers: () => [...new Set(node?.membership.live().map(({ name }) => name))],
            },
          },
          warmTokens,
          trustsPeers: peering?.key !== undefined,
        },
        context,
      ),
    )
  metrics.watch({
    storeBytes: () => store.usedSize,
    storeQuotaBytes: () => options.storeQuota,
    evictions: () => store.evictions,
    bans: () => node?.membership.bansImposed ?? 0,
    blobs: () => index.oids().size,
    peers: () => node?.membership.live().length ?? 0,
    uploads: () => node?.activeUploads ?? 0,
    requests: () => gateway?.load().requests ?? 0,
    tunnels: () => gateway?.load().tunnels ?? 0,
    isHubWell: () => circuit.isWell,
  })
  if (options.pins.length > 0) {
    const { pins, storeQuota } = options
    const notes = new PinNotes(places.stateDir)
    const present = () => index.oids()
    stack.use(await PinnedRepos.start({ pins, library, hub, storeQuota, store, notes, present, log }))
  }
  const opening = openingLines(options, {
    version: context.version,
    tokenFrom: findUsersToken(options.hub, context)?.from,
    blobs: index.oids().size,
    storeSize: store.usedSize,
    hasClusterKey: peering?.key !== undefined,
    peerPort: node?.port,
    addresses: outsideAddresses(),
  })
  for (const line of opening) log.info(line)
  tellServiceManager('READY=1', context.env.NOTIFY_SOCKET)
  stack.use(new ShrinkAtRest())
  stack.use(new CollectWhenLarge())
  await aborted(signal)
  readiness.stop()
  tellServiceManager('STOPPING=1', context.env.NOTIFY_SOCKET)
  await leave({ gateway, node }, options.graceMs, log)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** The addresses of this machine that lead out of it, those of one link alone left out. */
function outsideAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ address }) => address)
}

/** The repos of the blobs that are here, each once. */
function reposIn(index: BlobIndex): Iterable<Repo> {
  const repos = new Map<string, Repo>()
  for (const oid of index.oids()) for (const repo of index.reposOf(oid)) repos.set(repoName(repo), repo)
  return repos.values()
}
