import type { Repo } from '../../repo/repo.ts'
import type { LogLevel } from '../../ui/log-level.ts'
import type { Subject } from '../resolve-subject.ts'
import type { Address } from './parse-values.ts'

/** How to reach the Hub. */
export interface HubOptions {
  /** Without a slash at its end. */
  readonly endpoint: string
  /** Fetches blobs of the CDN for this process. */
  readonly originProxy: URL | undefined
  /** True where the user's token may go to the endpoint in clear: the gateway of the user's own node. */
  readonly isTrusted: boolean
  /** The token given by flag; `findUsersToken` looks up the others (environment, file). */
  readonly token: string | undefined
  readonly etagTimeoutMs: number
  readonly downloadTimeoutMs: number
}

/** The ecosystem's places on this machine; absolute paths. */
export interface PlaceOptions {
  readonly cacheDir: string
  /** dfhf's own state, apart from the cache; undefined for a user without a home folder. */
  readonly stateDir: string | undefined
  /** The daemon's blobs; a command on the same machine links from it. */
  readonly storeDir: string | undefined
}

/** How to share with peers. */
export interface PeerOptions {
  /** False with --no-peers: nothing is taken or given. */
  readonly isSharing: boolean
  readonly isMulticast: boolean
  /** `host:port`, or a host alone; a name stands for all its addresses. */
  readonly seeds: readonly string[]
  readonly listen: Address
  /** False when a short-lived command may take the next free port instead. */
  readonly isListenGiven: boolean
  readonly advertise: Address | undefined
  /** The rack, site or region that this machine is in. */
  readonly zone: string | undefined
  readonly clusterKeyFile: string | undefined
  /** Which processes ask the Hub for bytes: this one too, seeds alone, or none. */
  readonly origin: 'auto' | 'seeds' | 'never'
  readonly tls: TlsFiles | undefined
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string | undefined
}

/** Bounds on speed; undefined for none. */
export interface SpeedOptions {
  readonly connections: number | undefined
  /** Bytes a second. */
  readonly limitRate: number | undefined
  /** Bytes a second, of those from the Hub. */
  readonly hubLimitRate: number | undefined
  /** Bytes a second. */
  readonly uploadLimitRate: number | undefined
}

interface CommonOptions {
  readonly hub: HubOptions
  readonly places: PlaceOptions
  readonly peers: PeerOptions
  readonly speed: SpeedOptions
}

/** How files are fetched onto this machine, whichever they are. */
export interface FetchOptions extends CommonOptions {
  readonly localDir: string | undefined
  readonly isForced: boolean
  readonly isDryRun: boolean
  readonly isOffline: boolean
  readonly useSymlinks: boolean
  /** Large files in flight at once. */
  readonly maxWorkers: number
  /** Files of any size in flight at once, where the user named a number. */
  readonly mostFiles?: number | undefined
}

/** What `dfhf download` was asked to do. */
export interface DownloadOptions extends FetchOptions, Subject {}

/** What `dfhf snapshot` was asked to do. */
export interface SnapshotOptions extends FetchOptions {
  /** The one repo; undefined where `from` or `locked` says which. */
  readonly subject: Subject | undefined
  /** The path of a list of repos, or `-` for stdin. */
  readonly from: string | undefined
  /** Where to write a lock file. */
  readonly lock: string | undefined
  /** The lock file to keep to. */
  readonly locked: string | undefined
  /** The gateway of the node that shall fetch into its store, or undefined for this machine. */
  readonly on: string | undefined
  /** Holds the secret by which that node takes orders of other machines. */
  readonly warmTokenFile: string | undefined
}

/** What `dfhf cache` can do. */
export const cacheActions = ['ls', 'verify', 'prune'] as const

/** What `dfhf cache` was asked to do. */
export interface CacheOptions extends FetchOptions {
  readonly action: (typeof cacheActions)[number]
  /** Undefined for all that is here. */
  readonly repo: Repo | undefined
  readonly isRepairing: boolean
  /** Whether blobs of the Hugging Face cache may be removed that no snapshot refers to. */
  readonly isHfCachePruned: boolean
  /** How long ago what is removed was last written, at least, in ms. */
  readonly olderThanMs: number
  /** Bytes. Undefined where none was given: the daemon's own, which only its command line may name, is not known here. */
  readonly storeQuota: number | undefined
}

/** What `dfhf serve` was asked to do. */
export interface ServeOptions extends CommonOptions {
  readonly places: PlaceOptions & { readonly stateDir: string; readonly storeDir: string }
  readonly gateway: GatewayOptions | undefined
  /** Holds the secret by which other machines may order fetches; without it this one alone may. */
  readonly warmTokenFile: string | undefined
  readonly isFetchingForPeers: boolean
  /** Bytes. */
  readonly storeQuota: number
  /** Revisions that are always here. */
  readonly pins: readonly { readonly repo: Repo; readonly revision: string }[]
  /** Bytes that stay free on the store's disk. */
  readonly minFree: number
  /** The share of that disk, from 0 to 1, that stays free where it is more. */
  readonly minFreeShare: number
  /** Where metrics and probes answer; undefined for the gateway's own address. */
  readonly metrics: { readonly listen: Address; readonly hosts: readonly string[] } | undefined
  /** How long what is under way may take to end, in ms. */
  readonly graceMs: number
  /** How long after its last check a blob is read again, in ms; 0 for never. */
  readonly checkEveryMs: number
}

/** How other tools reach the Hub mirror and the proxy. */
export interface GatewayOptions {
  readonly listen: Address
  /** Names by which clients may call it besides its addresses. */
  readonly hosts: readonly string[]
  /** Address ranges of other machines that it answers; none for every machine. */
  readonly clients: readonly string[]
  /** Hosts beyond the Hub's own and its CDN's that may be fetched from. */
  readonly allowHosts: readonly string[]
  readonly ignoreQueryParams: readonly string[]
  /** For how long earlier responses are served while the Hub is down. */
  readonly staleForMs: number
}

/** How results and progress are shown. */
export interface OutputOptions {
  readonly isJson: boolean
  readonly isQuiet: boolean
  readonly isVerbose: boolean
  /** How a daemon writes its log. */
  readonly logFormat: 'text' | 'json'
  /** From which level on; undefined for what the command usually shows. */
  readonly logLevel: LogLevel | undefined
}
