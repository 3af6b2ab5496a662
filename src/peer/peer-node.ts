import { hostname } from 'node:os'
import { delay } from '../base/delay.ts'
import type { DfhfError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { HttpClient } from '../http/http-client.ts'
import { PeerClient } from '../swarm/client/peer-client.ts'
import type { SwarmNode } from '../swarm/client/swarm-session.ts'
import { awaitFirstPeer } from '../swarm/discovery/await-first-peer.ts'
import { MulticastDiscovery } from '../swarm/discovery/discovery-multicast.ts'
import { SEEDS_ANSWER_MS, type Seed, SeedDiscovery } from '../swarm/discovery/discovery-seeds.ts'
import { isFirstSearchOver } from '../swarm/discovery/first-search.ts'
import { OwnAddresses } from '../swarm/discovery/own-addresses.ts'
import { PeerExchange } from '../swarm/membership/exchange.ts'
import { Greeter } from '../swarm/membership/greeter.ts'
import { Membership } from '../swarm/membership/membership.ts'
import { REST_HEARTBEAT_MS, REST_SILENCE_MS } from '../swarm/membership/membership-options.ts'
import { Nearness } from '../swarm/membership/nearness.ts'
import type { MembershipEvent } from '../swarm/membership/peer-news.ts'
import type { HubLimitBoard } from '../swarm/protocol/hub-limit-wire.ts'
import { answerOneProtocol, askOneProtocol } from '../swarm/protocol/one-protocol.ts'
import { createPeerId, type PeerInfo, type PeerRole, toPeerName } from '../swarm/protocol/peer-info.ts'
import type { BlobShelf } from '../swarm/server/blob-shelf.ts'
import { PeerHandler, type PeerHandlerOptions } from '../swarm/server/peer-handler.ts'
import type { ClusterKey } from '../swarm/trust/cluster-key.ts'
import { type CloseOptions, type PeerServer, startPeerServer, type TlsTexts } from './peer-server.ts'

/** How many ports a short-lived process tries when the first is taken. */
const NEXT_PORTS = 64
/** Peers that appear within this time after another one are told of together, in ms. */
const CROWD_MS = 20
/** How often peers without the right key or of another version are complained about at most, in ms. */
const WARN_EVERY_MS = 60_000
const changes = { joined: 'joined', back: 'is back', proven: 'joined' } as const
/** How long the goodbyes may take, in ms. */
const GOODBYE_MS = 500

/** How this process takes part in swarms. */
export interface PeerNodeOptions {
  readonly role: PeerRole
  readonly version: string
  readonly listen: { readonly host: string | undefined; readonly port: number }
  /** True when another port than the one given will do. */
  readonly takesNextPort: boolean
  /** The address and port that peers are told, where they differ from those that peers see. */
  readonly advertise?: { readonly host: string | undefined; readonly port: number } | undefined
  readonly isMulticast: boolean
  readonly seeds: readonly Seed[]
  /** The rack, site or region that this process is in, as the user named it. */
  readonly zone?: string | undefined
  readonly key: ClusterKey | undefined
  readonly tls?: TlsTexts | undefined
  /** True where TLS was configured in any way: then nothing is spoken in clear. */
  readonly needsTls: boolean
  readonly fetchesForPeers: boolean
  /** Goes to peers direct, without a proxy. */
  readonly http: HttpClient
  readonly shelf: BlobShelf
  /** What peers tell each other of the Hub's limits; absent where the Hub is never asked. */
  readonly hubLimits?: HubLimitBoard | undefined
  readonly onUpload?: PeerHandlerOptions['onUpload']
  readonly log: Log
}

/** A process as a peer: its server, its membership, and how it finds more peers. */
export class PeerNode implements SwarmNode, AsyncDisposable {
  readonly membership: Membership
  readonly client: PeerClient
  readonly log: Log
  readonly searched: Promise<void>
  readonly #options: PeerNodeOptions
  readonly #self: PeerInfo
  readonly #handler: PeerHandler
  readonly #server: PeerServer
  readonly #nearness: Nearness
  readonly #multicast: MulticastDiscovery | undefined
  readonly #seeds: SeedDiscovery
  readonly #exchange: PeerExchange
  readonly #stop = new AbortController()
  readonly #startedAt = performance.now()
  readonly #onJoin = new Set<(peer: PeerInfo) => void>()
  #isTelling = false
  #mayWarnAt = 0
  #hasMore = false

  /** Binds the port, then looks for peers in the background. Throws `usage` when no port can be had. */
  constructor(options: PeerNodeOptions) {
    const { log, key, advertise } = options
    this.#options = options
    this.log = log
    const id = createPeerId()
    this.#nearness = new Nearness({ zone: options.zone })
    this.membership = new Membership({
      selfId: id,
      clusterFingerprint: key?.fingerprint,
      acceptedFingerprints: key && (() => key.accepted().map(({ fingerprint }) => fingerprint)),
      now: () => performance.now(),
      silenceMs: REST_SILENCE_MS,
      onEvent: (event) => this.#onEvent(event),
    })
    let port = advertise?.port ?? options.listen.port
    const self = (): PeerInfo => ({ ...this.#self, port, clusterFingerprint: key?.fingerprint })
    this.#self = {
      id,
      name: toPeerName(hostname()),
      addresses: advertise?.host === undefined ? [] : [advertise.host],
      port,
      version: options.version,
      clusterFingerprint: key?.fingerprint,
      role: options.role,
      zone: options.zone,
      fetchesForPeers: options.fetchesForPeers,
      usesTls: options.tls !== undefined,
    }
    const addresses = new OwnAddresses({
      usesTls: options.tls !== undefined,
      port: () => this.#server.port,
      advertise,
    })
    const greeter = new Greeter({
      membership: this.membership,
      knock: (peer, signal) => this.client.health(peer, signal),
      signal: this.#stop.signal,
    })
    this.#handler = new PeerHandler({
      self,
      shelf: options.shelf,
      peers: this.membership,
      hubLimits: options.hubLimits,
      key,
      isOwnAddress: (at, from) => addresses.has(at, from),
      greet: (peer) => greeter.greet(peer),
      log,
      ...(options.onUpload && { onUpload: options.onUpload }),
    })
    this.#server = startPeerServer({
      handler: answerOneProtocol(this.#handler, (error) => this.#warnOf(error)),
      host: options.listen.host,
      port: options.listen.port,
      nextPorts: options.takesNextPort ? NEXT_PORTS : 0,
      tls: options.tls,
      log,
    })
    port = advertise?.port ?? this.#server.port
    this.client = new PeerClient({
      http: askOneProtocol(options.http, (error) => this.#warnOf(error)),
      self,
      hubLimits: options.hubLimits,
      key,
      needsTls: options.needsTls,
      onHeard: (peer, address) => {
        this.membership.heard(peer, 'direct')
        this.membership.preferAddress(peer.id, address)
      },
      onUnproven: (error) => this.#warnOf(error),
      onFailed: ({ id: peerId, port: at }, host) => this.membership.failed(peerId, { host, port: at }),
    })
    this.#multicast = options.isMulticast
      ? new MulticastDiscovery({
          self,
          peerCount: () => this.membership.liveCount,
          onPeer: (peer, sender) => this.membership.heard(peer, 'announced', 0, sender),
          // Any host can send that packet; among holders of a key the signed goodbye counts.
          onBye: (peerId, address) => key ?? this.membership.saidBye(peerId, address),
          onOtherProtocol: (error) => this.#warnOf(error),
          log,
        })
      : undefined
    this.#exchange = new PeerExchange({
      membership: this.membership,
      selfId: id,
      listPeers: (peer, signal) => this.client.listPeers(peer, signal),
      restHeartbeatMs: REST_HEARTBEAT_MS,
      log,
    })
    options.hubLimits?.onLimit(() => this.#exchange.tellNow(this.#stop.signal))
    this.#seeds = this.#discover()
    this.searched = this.#untilSearched()
  }

  get selfId(): string {
    return this.#self.id
  }

  /** The port of the peer API. */
  get port(): number {
    return this.#server.port
  }

  /** Uploads under way. */
  get activeUploads(): number {
    return this.#handler.load(this.#server.pending()).active
  }

  /** Speaks TLS with another certificate from now on; connections that are there keep theirs. */
  useTls(tls: TlsTexts): void {
    this.#server.useTls(tls)
  }

  /** Reads the authorities of peers anew for connections from now on. */
  renewTrust(): void {
    this.#options.http.renewTrust()
  }

  /** True once peers were looked for everywhere, whether there are any or not. */
  get hasSearched(): boolean {
    return isFirstSearchOver({
      elapsedMs: performance.now() - this.#startedAt,
      hasPeer: this.#hasPeer,
      hasTriedSeeds: this.#seeds.hasTriedAll,
      isMulticast: this.#multicast !== undefined,
    })
  }

  isFar(peer: PeerInfo): boolean {
    return this.#nearness.isFar(peer)
  }

  onJoin(listener: (peer: PeerInfo) => void): () => void {
    this.#onJoin.add(listener)
    // What waits for peers wants a blob of them.
    const release = this.#exchange.want()
    return () => {
      this.#onJoin.delete(listener)
      release()
    }
  }

  /** Says goodbye, lets what is being sent end within the grace unless `isNow`, and closes. */
  async close(options: CloseOptions = {}): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    const goodbyes = AbortSignal.timeout(GOODBYE_MS)
    const peers = this.membership.live().slice(0, 64)
    await Promise.all([
      this.#multicast?.stop(),
      ...peers.map((peer) => this.client.sayBye(peer, goodbyes).catch(() => {})),
    ])
    await this.#server.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ isNow: true })
  }

  #discover(): SeedDiscovery {
    const { seeds, log } = this.#options
    const { signal } = this.#stop
    this.#multicast?.start()
    void this.#exchange.run(signal)
    const discovery = new SeedDiscovery({
      seeds,
      contact: (address, aborted) => this.#exchange.contact(address, aborted),
      isKnownAt: (host, port) => this.membership.isKnownAt(host, port),
      log,
    })
    void discovery.run(signal)
    return discovery
  }

  /** Resolves when the peers that are near have answered; where seeds were given and none has, a moment later. */
  async #untilSearched(): Promise<void> {
    await Promise.all([
      this.#multicast?.answered(),
      Promise.race([this.#seeds.answered, delay(SEEDS_ANSWER_MS)]),
    ])
    if (this.#options.seeds.length === 0) return
    await awaitFirstPeer({
      hasPeer: () => this.#hasPeer,
      onJoin: (listener) => this.onJoin(listener),
      signal: this.#stop.signal,
    })
  }

  get #hasPeer(): boolean {
    return this.membership.live().length > 0
  }

  #onEvent(event: MembershipEvent): void {
    const name = `${event.peer.name} (${event.peer.id.slice(0, 6)})`
    const change = event.type === 'left' ? `left: ${event.reason}` : changes[event.type]
    // A daemon's log tells which peers came and went; beside a progress bar that would only disturb. A peer that was
    // only told of may be invented.
    const isNews = this.membership.standingOf(event.peer.id) !== 'told'
    if (this.#options.role === 'serve' && isNews) this.log.info(`peer ${name} ${change}`)
    else this.log.debug(`peer ${name} ${change}`)
    if (event.type !== 'left') this.#tellOfJoin(event.peer)
  }

  /** Warns once in a while: any host can cause this, and must not fill the log. */
  #warnOf({ message, hint }: DfhfError): void {
    if (performance.now() < this.#mayWarnAt) return
    this.#mayWarnAt = performance.now() + WARN_EVERY_MS
    this.log.warn(`${message}; ${hint}`)
  }

  /** Calls listeners at once for the first peer, and once more for all that follow within a moment. */
  #tellOfJoin(peer: PeerInfo): void {
    this.#hasMore = this.#isTelling
    if (this.#isTelling) return
    this.#isTelling = true
    for (const listener of this.#onJoin) listener(peer)
    setTimeout(() => {
      this.#isTelling = false
      if (this.#hasMore) this.#tellOfJoin(peer)
    }, CROWD_MS)
  }
}
