import { join } from 'node:path'
import type { Environment } from '../../base/environment.ts'
import { DfhfError } from '../../base/errors.ts'
import { huggingFaceHome, noHome } from '../../base/expand-path.ts'
import { bareHost } from '../../base/url-host.ts'
import { createProxyResolver } from '../../http/connect/proxy.ts'
import { parseRepo } from '../../hub/parse-repo.ts'
import { checkRevision } from '../../repo/repo.ts'
import { resolveSubject, type Subject } from '../resolve-subject.ts'
import {
  type CacheOptions,
  cacheActions,
  type DownloadOptions,
  type FetchOptions,
  type GatewayOptions,
  type HubOptions,
  type OutputOptions,
  type PeerOptions,
  type PlaceOptions,
  type ServeOptions,
  type SnapshotOptions,
  type TlsFiles,
} from './options.ts'
import type { SettingReader } from './setting-reader.ts'
import { settings } from './settings.ts'

/** The options of `download`; throws `usage` for values that do not go together. */
export function resolveDownload(
  reader: SettingReader,
  env: Environment,
  names: readonly string[],
): DownloadOptions {
  const options = resolveFetch(reader, env)
  return { ...options, ...subjectOf(reader, names, options) }
}

function resolveFetch(reader: SettingReader, env: Environment): FetchOptions {
  const { read } = reader
  const localDir = read(settings.localDir)
  if (localDir !== undefined && reader.isGivenByFlag(settings.cacheDir)) {
    throw new DfhfError('usage', '--cache-dir and --local-dir do not go together')
  }
  const [isForced, isOffline] = [read(settings.forceDownload), read(settings.offline)]
  if (isForced && isOffline) {
    throw new DfhfError('usage', 'nothing can be fetched again while offline', {
      hint: 'leave out --force-download, or --offline and HF_HUB_OFFLINE',
    })
  }
  const maxWorkers = read(settings.maxWorkers)
  return {
    ...resolveCommon(reader, env),
    localDir,
    isForced,
    isDryRun: read(settings.dryRun),
    isOffline,
    useSymlinks: !read(settings.noSymlinks),
    maxWorkers,
    mostFiles: reader.isGiven(settings.maxWorkers) ? maxWorkers : undefined,
  }
}

function subjectOf({ read }: SettingReader, names: readonly string[], { hub }: FetchOptions): Subject {
  return resolveSubject(names, {
    endpoint: hub.endpoint,
    type: read(settings.repoType),
    revision: read(settings.revision),
    include: read(settings.include),
    exclude: read(settings.exclude),
  })
}

/** The options of `snapshot`. */
export function resolveSnapshot(
  reader: SettingReader,
  env: Environment,
  names: readonly string[],
): SnapshotOptions {
  const { read } = reader
  const [on, from] = [read(settings.on), read(settings.from)]
  const [lock, locked] = [read(settings.lock), read(settings.locked)]
  const options = resolveFetch(reader, env)
  if (on !== undefined && (options.localDir !== undefined || options.isDryRun)) {
    throw new DfhfError('usage', `--on does not go together with --local-dir and --dry-run`)
  }
  if (on !== undefined && (lock !== undefined || locked !== undefined)) {
    throw new DfhfError('usage', '--on does not go together with --lock and --locked')
  }
  if (lock !== undefined && locked !== undefined) {
    throw new DfhfError('usage', '--lock and --locked do not go together', {
      hint: 'write the lock file with --lock once, then keep to it with --locked',
    })
  }
  const isElsewhere = from !== undefined || (locked !== undefined && names.length === 0)
  if (isElsewhere) refuseSubject(reader, names, from === undefined ? '--locked' : '--from')
  const subject = isElsewhere ? undefined : subjectOf(reader, names, options)
  return { ...options, subject, from, lock, locked, on, warmTokenFile: reader.read(settings.warmTokenFile) }
}

/** What a list or a lock file says of its repos cannot be said for all of them beside it. */
function refuseSubject(reader: SettingReader, names: readonly string[], flag: string): void {
  const { repoType, revision, include, exclude } = settings
  const beside = [repoType, revision, include, exclude].find((setting) => reader.isGiven(setting))
  if (names.length === 0 && beside === undefined) return
  const what = beside === undefined ? `a repo ('${names[0]}')` : `--${beside.flag}`
  throw new DfhfError('usage', `${flag} does not go together with ${what}`, {
    hint: flag === '--from' ? 'write it into the list' : 'name the repo as well',
  })
}

/** The options of `serve`. */
export function resolveServe(reader: SettingReader, env: Environment): ServeOptions {
  const common = resolveCommon(reader, env)
  const { stateDir = noHome('for the state of a daemon'), storeDir = join(stateDir, 'store') } = common.places
  const gateway = resolveGateway(reader)
  if (gateway) refuseItself(gateway, common.hub.endpoint, env)
  if (!gateway && !common.peers.isSharing) {
    throw new DfhfError('usage', 'nothing is left to serve with --no-peers and --gateway off', {
      hint: 'leave one of them out',
    })
  }
  const minFree = reader.read(settings.minFree)
  return {
    ...common,
    places: { ...common.places, stateDir, storeDir },
    gateway,
    warmTokenFile: reader.read(settings.warmTokenFile),
    isFetchingForPeers: reader.read(settings.fetchForPeers),
    storeQuota: reader.read(settings.storeQuota),
    pins: reader.read(settings.pin).map((text) => parsePin(text, common.hub.endpoint)),
    minFree: minFree.size,
    minFreeShare: minFree.share,
    metrics: resolveMetrics(reader),
    graceMs: reader.read(settings.grace),
    checkEveryMs: reader.read(settings.checkEvery),
  }
}

function parsePin(text: string, endpoint: string): ServeOptions['pins'][number] {
  const { type, id, revision = 'main', path } = parseRepo(text, { endpoint })
  if (path === undefined) return { repo: { type, id }, revision: checkRevision(revision) }
  throw new DfhfError('usage', `--pin '${text}' names a file`, {
    hint: 'pin a whole repo: org/name@revision',
  })
}

/** The options of `cache`; commander has checked that the first name is one of its actions. */
export function resolveCache(
  reader: SettingReader,
  env: Environment,
  [name, text]: readonly string[],
): CacheOptions {
  const { read } = reader
  const options = resolveFetch(reader, env)
  const { endpoint } = options.hub
  const action = cacheActions.find((each) => each === name) ?? 'ls'
  const { repair, hfCache } = settings
  const misplaced = [...(action === 'verify' ? [] : [repair]), ...(action === 'prune' ? [] : [hfCache])]
  const wrong = misplaced.find((setting) => read(setting))
  if (wrong) throw new DfhfError('usage', `--${wrong.flag} does not go together with ${action}`)
  const repo = text === undefined ? undefined : parseRepo(text, { type: read(settings.repoType), endpoint })
  return {
    ...options,
    action,
    repo: repo && { type: repo.type, id: repo.id },
    isRepairing: read(repair),
    isHfCachePruned: read(hfCache),
    olderThanMs: read(settings.olderThan),
    storeQuota: reader.isGiven(settings.storeQuota) ? read(settings.storeQuota) : undefined,
  }
}

/** What the reporter needs to know. */
export function resolveOutput(reader: SettingReader): OutputOptions {
  return {
    isJson: reader.read(settings.json),
    isQuiet: reader.read(settings.quiet),
    isVerbose: reader.read(settings.verbose),
    logFormat: reader.read(settings.logFormat),
    logLevel: reader.read(settings.logLevel),
  }
}

function resolveCommon(reader: SettingReader, env: Environment) {
  const { read } = reader
  return {
    hub: resolveHub(reader),
    places: resolvePlaces(reader, env),
    peers: resolvePeers(reader),
    speed: {
      connections: read(settings.connections),
      limitRate: read(settings.limitRate),
      hubLimitRate: read(settings.hubLimitRate),
      uploadLimitRate: read(settings.uploadLimitRate),
    },
  }
}

function resolveHub({ read }: SettingReader): HubOptions {
  return {
    endpoint: read(settings.endpoint),
    originProxy: read(settings.originProxy),
    isTrusted: read(settings.trustEndpoint),
    token: read(settings.token)?.trim() || undefined,
    etagTimeoutMs: read(settings.etagTimeout),
    downloadTimeoutMs: read(settings.downloadTimeout),
  }
}

function resolvePlaces({ read }: SettingReader, env: Environment): PlaceOptions {
  const home = huggingFaceHome(env)
  const stateDir = home && join(home, 'dfhf')
  return {
    cacheDir: read(settings.cacheDir) ?? (home ? join(home, 'hub') : noHome('for the cache')),
    stateDir,
    storeDir: read(settings.storeDir) ?? (stateDir && join(stateDir, 'store')),
  }
}

function resolvePeers(reader: SettingReader): PeerOptions {
  const { read } = reader
  const isSharing = !read(settings.noPeers)
  const origin = read(settings.origin)
  if (!isSharing && origin !== 'auto') {
    throw new DfhfError('usage', `--origin ${origin} needs peers, and --no-peers forbids them`)
  }
  return {
    isSharing,
    isMulticast: isSharing && !read(settings.noMulticast),
    seeds: isSharing ? read(settings.seeds) : [],
    listen: read(settings.listen),
    isListenGiven: reader.isGiven(settings.listen),
    advertise: read(settings.advertise),
    zone: read(settings.zone),
    clusterKeyFile: read(settings.clusterKeyFile),
    origin,
    tls: resolveTls(reader),
  }
}

function resolveTls({ read }: SettingReader): TlsFiles | undefined {
  const [cert, key, ca] = [read(settings.tlsCert), read(settings.tlsKey), read(settings.tlsCa)]
  if (cert !== undefined && key !== undefined) return { cert, key, ca }
  if (cert === undefined && key === undefined && ca === undefined) return undefined
  throw new DfhfError('usage', '--tls-cert and --tls-key must be given together')
}

function resolveGateway({ read }: SettingReader): GatewayOptions | undefined {
  const listen = read(settings.gateway)
  return (
    listen && {
      listen,
      hosts: read(settings.gatewayHost),
      clients: read(settings.gatewayAllow),
      allowHosts: read(settings.allowHost),
      ignoreQueryParams: read(settings.ignoreQueryParams),
      staleForMs: read(settings.staleFor),
    }
  )
}

function resolveMetrics({ read }: SettingReader): ServeOptions['metrics'] {
  const listen = read(settings.metrics)
  return listen && { listen, hosts: read(settings.gatewayHost) }
}

/** Variables for the whole machine, HF_ENDPOINT or those of proxies, would make the daemon ask itself without end. */
function refuseItself(gateway: GatewayOptions, endpoint: string, env: Environment): void {
  if (isSameAddress(endpoint, gateway)) {
    throw new DfhfError('usage', `the Hub's address ${endpoint} is this gateway itself`, {
      hint: 'set DFHF_ENDPOINT=https://huggingface.co for serve; it goes before HF_ENDPOINT',
    })
  }
  const proxy = createProxyResolver(env)(new URL(endpoint))
  if (proxy && isSameAddress(proxy.url.href, gateway)) {
    throw new DfhfError('usage', `the proxy ${proxy.url.host} is this gateway itself`, {
      hint: 'unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY for serve, or name the Hub in NO_PROXY',
    })
  }
}

function isSameAddress(endpoint: string, gateway: GatewayOptions): boolean {
  const url = new URL(endpoint)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const host = bareHost(url.hostname)
  const isHere = /^(localhost|127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|::)$/.test(host)
  return port === gateway.listen.port && (isHere || host === gateway.listen.host)
}
