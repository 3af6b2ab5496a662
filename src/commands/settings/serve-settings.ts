import { expandPath } from '../../base/expand-path.ts'
import { parseSize } from '../../base/size.ts'
import { logLevels } from '../../ui/log-level.ts'
import { type Address, parseAddress, parseDuration, parseFloor, parseGrace } from './parse-values.ts'
import { choice, list, optional, optionalChoice, required, toggle } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of the daemon. */
export const serveSettings = {
  gateway: required(
    {
      flag: 'gateway',
      value: '<[host:]port>',
      env: ['DFHF_GATEWAY'],
      fallbackText: '127.0.0.1:65001',
      group: groups.gateway,
      help: 'where other tools reach the Hub mirror and HTTP proxy; off for neither',
    },
    withLoopback('65001'),
    (text) => (text === 'off' ? undefined : withLoopback(text)),
  ),
  gatewayHost: list({
    flag: 'gateway-host',
    value: '<name>',
    env: ['DFHF_GATEWAY_HOST'],
    fallbackText: 'loopback names and the addresses of this machine',
    group: groups.gateway,
    help: 'one more name under which the gateway answers, as clients write it in HF_ENDPOINT; repeatable',
  }),
  gatewayAllow: list({
    flag: 'gateway-allow',
    value: '<cidr>',
    env: ['DFHF_GATEWAY_ALLOW'],
    fallbackText: 'every machine that reaches it',
    group: groups.gateway,
    help: 'machines besides this one that the gateway answers, such as 10.0.0.0/8; comma-separated or repeated',
  }),
  allowHost: list({
    flag: 'allow-host',
    value: '<host>',
    env: ['DFHF_ALLOW_HOST'],
    fallbackText: "the Hub's own and its CDN's",
    group: groups.gateway,
    help: 'one more host that the proxy may fetch from; .example.org stands for all below it; repeatable',
  }),
  ignoreQueryParams: list(
    {
      flag: 'ignore-query-params',
      value: '<name>',
      env: ['DFHF_IGNORE_QUERY_PARAMS'],
      group: groups.gateway,
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
      group: groups.gateway,
      help: 'how long public files that are here are served while the Hub is down; 0 for not at all',
    },
    24 * 3_600_000,
    parseDuration,
  ),
  fetchForPeers: toggle({
    flag: 'fetch-for-peers',
    env: ['DFHF_FETCH_FOR_PEERS'],
    group: groups.peers,
    help: 'fetch into the store what peers ask for and this one lacks, so that they need not ask the Hub',
  }),
  storeDir: optional(
    {
      flag: 'store-dir',
      value: '<folder>',
      env: ['DFHF_STORE_DIR'],
      fallbackText: '$HF_HOME/dfhf/store',
      group: groups.store,
      help: 'where blobs fetched for others stand',
    },
    expandPath,
  ),
  pin: list({
    flag: 'pin',
    value: '<repo@revision>',
    env: ['DFHF_PIN'],
    group: groups.store,
    help: 'fetch this revision into the store, follow it, and never evict it; comma-separated or repeated',
  }),
  storeQuota: required(
    {
      flag: 'store-quota',
      value: '<size>',
      env: ['DFHF_STORE_QUOTA'],
      fallbackText: '100GB',
      group: groups.store,
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
      fallbackText: '12% of it, 2GB at least',
      group: groups.store,
      help: 'free space that the store leaves on its disk, such as 50GB or 15%',
    },
    // A kubelet evicts pods where less than a tenth of the disk is free.
    { size: 2e9, share: 0.12 },
    parseFloor,
  ),
  metrics: optional(
    {
      flag: 'metrics',
      value: '<[host:]port>',
      env: ['DFHF_METRICS'],
      fallbackText: "the gateway's own address",
      group: groups.daemon,
      help: 'where /metrics, /healthz, /readyz and /startupz answer instead of on the gateway',
    },
    withLoopback,
  ),
  grace: required(
    {
      flag: 'grace',
      value: '<seconds>',
      env: ['DFHF_GRACE'],
      fallbackText: '5',
      group: groups.daemon,
      help: 'how long what is under way may take to end once a signal asks to stop; a second signal cuts it at once',
    },
    5_000,
    parseGrace,
  ),
  logFormat: choice(
    {
      flag: 'log-format',
      value: '<form>',
      env: ['DFHF_LOG_FORMAT'],
      group: groups.output,
      help: 'how the log is written: text, or json for one object a line',
    },
    'text',
    ['text', 'json'],
  ),
  logLevel: optionalChoice(
    {
      flag: 'log-level',
      value: '<level>',
      env: ['DFHF_LOG_LEVEL'],
      fallbackText: 'info',
      group: groups.output,
      help: 'the least grave messages that are logged: debug, info, warn or error',
    },
    logLevels,
  ),
  checkEvery: required(
    {
      flag: 'check-every',
      value: '<span>',
      env: ['DFHF_CHECK_EVERY'],
      fallbackText: '30d',
      group: groups.store,
      help: 'how often blobs are read again to see that the disk kept them; 0 for never',
    },
    30 * 24 * 3_600_000,
    parseDuration,
  ),
} as const

/** A port without a host means loopback for the gateway, since it answers every client that reaches it. */
function withLoopback(text: string): Address {
  const address = parseAddress(text)
  return text.includes(':') ? address : { ...address, host: '127.0.0.1' }
}
