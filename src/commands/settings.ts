import { parseSize } from '../base/size.ts'
import { expandPath } from './expand-path.ts'
import {
  type Address,
  parseAddress,
  parseCount,
  parseDuration,
  parseHttpUrl,
  parseLimit,
  parseSeconds,
} from './parse-values.ts'
import { choice, list, optional, optionalChoice, required, type Setting, toggle } from './setting.ts'

const what = 'What to get'
const where = 'Where to put it'
const hub = 'The Hub'
const peers = 'Peers'
const speed = 'Speed'
const output = 'Output'
const gateway = 'Gateway'
const store = 'Store'

const asText = (text: string) => text

/** Everything that a user can set, by the name that the code uses. */
export const settings = {
  repoType: optionalChoice(
    {
      flag: 'repo-type',
      alias: 'type',
      value: '<type>',
      env: [],
      isFlagOnly: true,
      group: what,
      help: 'kind of repo, model if nothing says otherwise',
    },
    ['model', 'dataset', 'space', 'kernel'],
  ),
  revision: optional(
    {
      flag: 'revision',
      value: '<revision>',
      env: [],
      isFlagOnly: true,
      group: what,
      help: 'branch, tag, commit or refs/pr/N; main if nothing says otherwise',
    },
    asText,
  ),
  include: list({
    flag: 'include',
    value: '<pattern>',
    env: [],
    isFlagOnly: true,
    group: what,
    help: 'only files that match; one pattern a flag, * crosses slashes; repeatable',
  }),
  exclude: list({
    flag: 'exclude',
    value: '<pattern>',
    env: [],
    isFlagOnly: true,
    group: what,
    help: 'no files that match; repeatable',
  }),
  forceDownload: toggle({
    flag: 'force-download',
    env: [],
    isFlagOnly: true,
    group: what,
    help: 'fetch again what is here already',
  }),
  dryRun: toggle({
    flag: 'dry-run',
    env: [],
    isFlagOnly: true,
    group: what,
    help: 'say what would be fetched, and fetch nothing',
  }),

  cacheDir: optional(
    {
      flag: 'cache-dir',
      value: '<folder>',
      completes: 'folder',
      env: ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE'],
      fallbackText: '$HF_HOME/hub',
      group: where,
      help: 'root of the Hugging Face cache',
    },
    expandPath,
  ),
  localDir: optional(
    {
      flag: 'local-dir',
      value: '<folder>',
      completes: 'folder',
      env: [],
      isFlagOnly: true,
      group: where,
      help: 'put plain files here instead of into the cache',
    },
    expandPath,
  ),
  noSymlinks: toggle({
    flag: 'no-symlinks',
    env: ['HF_HUB_DISABLE_SYMLINKS'],
    group: where,
    help: 'no links in the cache: files stand in the snapshot folder itself',
  }),

  endpoint: required(
    {
      flag: 'endpoint',
      value: '<url>',
      env: ['DFHF_ENDPOINT', 'HF_ENDPOINT'],
      group: hub,
      help: 'address of the Hub',
    },
    'https://huggingface.co',
    parseHttpUrl,
  ),
  token: optional(
    {
      flag: 'token',
      value: '<token>',
      env: [],
      fallbackText: '$HF_TOKEN, then the file $HF_HOME/token',
      isFlagOnly: true,
      group: hub,
      help: 'access token for private and gated repos; it goes to the Hub alone',
    },
    asText,
  ),
  offline: toggle({
    flag: 'offline',
    env: ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'],
    group: hub,
    help: 'ask nobody: use what is here or fail',
  }),
  etagTimeout: required(
    {
      flag: 'etag-timeout',
      value: '<seconds>',
      env: ['HF_HUB_ETAG_TIMEOUT'],
      fallbackText: '10',
      group: hub,
      help: 'longest wait for an answer about a file',
    },
    10_000,
    parseSeconds,
  ),
  downloadTimeout: required(
    {
      flag: 'download-timeout',
      value: '<seconds>',
      env: ['HF_HUB_DOWNLOAD_TIMEOUT'],
      fallbackText: '10',
      group: hub,
      help: 'longest wait for the next bytes of a file before they are asked for anew',
    },
    10_000,
    parseSeconds,
  ),

  seeds: list({
    flag: 'seeds',
    value: '<host:port>',
    env: ['DFHF_SEEDS'],
    group: peers,
    help: 'peers to try, by name or address; comma-separated or repeated; a name stands for all its addresses',
  }),
  noMulticast: toggle({
    flag: 'no-multicast',
    env: ['DFHF_NO_MULTICAST'],
    group: peers,
    help: 'neither look for peers on the local network nor announce this one there',
  }),
  noPeers: toggle({
    flag: 'no-peers',
    env: ['DFHF_NO_PEERS'],
    group: peers,
    help: 'take nothing from peers and give them nothing',
  }),
  listen: required(
    {
      flag: 'listen',
      value: '<[host:]port>',
      env: ['DFHF_LISTEN'],
      fallbackText: '65002 on all interfaces; a short-lived command takes the next free one',
      group: peers,
      help: 'where other peers reach this one',
    },
    parseAddress('65002'),
    parseAddress,
  ),
  advertise: optional(
    {
      flag: 'advertise',
      value: '<host:port>',
      env: ['DFHF_ADVERTISE'],
      group: peers,
      help: 'address to tell other peers, where it differs from the one listened on (NAT, containers)',
    },
    parseAddress,
  ),
  clusterKeyFile: optional(
    {
      flag: 'cluster-key-file',
      value: '<file>',
      completes: 'file',
      env: ['DFHF_CLUSTER_KEY_FILE'],
      group: peers,
      help: 'secret that all peers of a cluster share; without it nothing private is shared',
    },
    expandPath,
  ),
  origin: choice(
    {
      flag: 'origin',
      value: '<who>',
      env: ['DFHF_ORIGIN'],
      group: peers,
      help: 'who asks the Hub for bytes: auto shares the work, seeds leaves it to them, never means peers only',
    },
    'auto',
    ['auto', 'seeds', 'never'],
  ),
  tlsCert: optional(
    {
      flag: 'tls-cert',
      value: '<file>',
      completes: 'file',
      env: ['DFHF_TLS_CERT'],
      group: peers,
      help: 'certificate for talking to peers by TLS (PEM)',
    },
    expandPath,
  ),
  tlsKey: optional(
    {
      flag: 'tls-key',
      value: '<file>',
      completes: 'file',
      env: ['DFHF_TLS_KEY'],
      group: peers,
      help: 'private key of that certificate (PEM)',
    },
    expandPath,
  ),
  tlsCa: optional(
    {
      flag: 'tls-ca',
      value: '<file>',
      completes: 'file',
      env: ['DFHF_TLS_CA'],
      group: peers,
      help: "authority that signed the peers' certificates (PEM)",
    },
    expandPath,
  ),
  fetchForPeers: toggle({
    flag: 'fetch-for-peers',
    env: ['DFHF_FETCH_FOR_PEERS'],
    group: peers,
    help: 'fetch into the store what peers ask for and this one lacks, so that they need not ask the Hub',
  }),

  maxWorkers: required(
    {
      flag: 'max-workers',
      value: '<n>',
      env: ['DFHF_MAX_WORKERS'],
      group: speed,
      help: 'files in flight at once',
    },
    8,
    parseCount(1),
  ),
  connections: optional(
    {
      flag: 'connections',
      value: '<n>',
      env: ['DFHF_CONNECTIONS'],
      fallbackText: 'as many as pay',
      group: speed,
      help: 'most connections to the Hub at once',
    },
    parseCount(1),
  ),
  limitRate: optional(
    {
      flag: 'limit-rate',
      value: '<size>',
      env: ['DFHF_LIMIT_RATE'],
      group: speed,
      help: 'most bytes a second that come in, such as 20MB; 0 for no limit',
    },
    parseLimit,
  ),
  uploadLimitRate: optional(
    {
      flag: 'upload-limit-rate',
      value: '<size>',
      env: ['DFHF_UPLOAD_LIMIT_RATE'],
      group: speed,
      help: 'most bytes a second that go out to peers; 0 for no limit',
    },
    parseLimit,
  ),

  json: toggle({
    flag: 'json',
    env: ['DFHF_JSON'],
    group: output,
    help: 'print the result as one JSON object',
  }),
  quiet: toggle({
    flag: 'quiet',
    short: 'q',
    env: ['DFHF_QUIET'],
    group: output,
    help: 'no progress and no notices; errors only',
  }),
  verbose: toggle({
    flag: 'verbose',
    env: ['DFHF_VERBOSE', 'HF_DEBUG'],
    group: output,
    help: 'say more, and show the stack of an error',
  }),
  config: optional(
    {
      flag: 'config',
      value: '<file>',
      completes: 'file',
      env: ['DFHF_CONFIG'],
      isFlagOnly: true,
      group: output,
      help: 'config file (TOML): flag names without dashes as keys',
    },
    expandPath,
  ),

  on: optional(
    {
      flag: 'on',
      value: '<url>',
      env: [],
      isFlagOnly: true,
      group: where,
      help: 'fetch into the store of the node whose gateway this is, such as http://node:65001, not onto this machine',
    },
    parseHttpUrl,
  ),

  gateway: required(
    {
      flag: 'gateway',
      value: '<[host:]port>',
      env: ['DFHF_GATEWAY'],
      fallbackText: '127.0.0.1:65001',
      group: gateway,
      help: 'where other tools reach the Hub mirror and HTTP proxy; off for neither',
    },
    withLoopback('65001'),
    (text) => (text === 'off' ? undefined : withLoopback(text)),
  ),
  allowHost: list({
    flag: 'allow-host',
    value: '<host>',
    env: ['DFHF_ALLOW_HOST'],
    fallbackText: "the Hub's own and its CDN's",
    group: gateway,
    help: 'one more host that the proxy may fetch from; .example.org stands for all below it; repeatable',
  }),
  ignoreQueryParams: list(
    {
      flag: 'ignore-query-params',
      value: '<name>',
      env: ['DFHF_IGNORE_QUERY_PARAMS'],
      group: gateway,
      help: 'query parameters that do not make two URLs different; comma-separated or repeated',
    },
    ['Expires', 'Key-Pair-Id', 'Policy', 'Signature'],
  ),
  staleFor: required(
    {
      flag: 'stale-for',
      value: '<span>',
      env: ['DFHF_STALE_FOR'],
      fallbackText: '24h',
      group: gateway,
      help: 'how long public files that are here are served while the Hub is down; 0 for not at all',
    },
    24 * 3_600_000,
    parseDuration,
  ),

  storeDir: optional(
    {
      flag: 'store-dir',
      value: '<folder>',
      completes: 'folder',
      env: ['DFHF_STORE_DIR'],
      fallbackText: '$HF_HOME/dfhf/store',
      group: store,
      help: 'where blobs fetched for others stand',
    },
    expandPath,
  ),
  storeQuota: required(
    {
      flag: 'store-quota',
      value: '<size>',
      env: ['DFHF_STORE_QUOTA'],
      fallbackText: '100GB',
      group: store,
      help: 'most bytes in the store; the least recently used go first',
    },
    100e9,
    parseSize,
  ),
  minFree: required(
    {
      flag: 'min-free',
      value: '<size>',
      env: ['DFHF_MIN_FREE'],
      fallbackText: '2GB',
      group: store,
      help: 'free space that the store leaves on its disk',
    },
    2e9,
    parseSize,
  ),
} as const

/** A host-less port means loopback for the gateway: it answers whoever reaches it. */
function withLoopback(text: string): Address | undefined {
  const address = parseAddress(text)
  return text.includes(':') ? address : { ...address, host: '127.0.0.1' }
}

/** The name of a setting in the code. */
export type SettingName = keyof typeof settings

const shared: readonly SettingName[] = [
  'endpoint',
  'token',
  'etagTimeout',
  'downloadTimeout',
  'seeds',
  'noMulticast',
  'noPeers',
  'listen',
  'advertise',
  'clusterKeyFile',
  'origin',
  'tlsCert',
  'tlsKey',
  'tlsCa',
  'connections',
  'limitRate',
  'uploadLimitRate',
  'cacheDir',
  'storeDir',
  'quiet',
  'verbose',
  'config',
]

const fetching: readonly SettingName[] = [
  'repoType',
  'revision',
  'include',
  'exclude',
  'forceDownload',
  'dryRun',
  'localDir',
  'noSymlinks',
  'offline',
  'maxWorkers',
  'json',
]

/** Which settings each command takes. */
export const settingsOf = {
  download: [...fetching, ...shared],
  snapshot: [...fetching, 'on', ...shared],
  serve: [
    'gateway',
    'allowHost',
    'ignoreQueryParams',
    'staleFor',
    'storeQuota',
    'minFree',
    'fetchForPeers',
    ...shared,
  ],
} as const satisfies Record<string, readonly SettingName[]>

/** The commands that take settings. */
export type CommandName = keyof typeof settingsOf

/** The settings of a command, in the order of the help. */
export function settingsFor(command: CommandName): readonly Setting<unknown>[] {
  const order = [what, where, hub, peers, gateway, store, speed, output]
  return settingsOf[command]
    .map((name): Setting<unknown> => settings[name])
    .sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group))
}
