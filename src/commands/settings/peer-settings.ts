import { expandPath } from '../../base/expand-path.ts'
import { parseAddress, parseCount, parseLimit, parseZone } from './parse-values.ts'
import { choice, list, optional, required, toggle } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of sharing with peers, and speed. */
export const peerSettings = {
  seeds: list({
    flag: 'seeds',
    value: '<host:port>',
    env: ['DFHF_SEEDS'],
    group: groups.peers,
    help: 'peers to try, by name or address; comma-separated or repeated; a name stands for all its addresses',
  }),
  noMulticast: toggle({
    flag: 'no-multicast',
    env: ['DFHF_NO_MULTICAST'],
    group: groups.peers,
    help: 'neither look for peers on the local network nor announce this one there',
  }),
  noPeers: toggle({
    flag: 'no-peers',
    env: ['DFHF_NO_PEERS'],
    group: groups.peers,
    help: 'take nothing from peers and give them nothing',
  }),
  listen: required(
    {
      flag: 'listen',
      value: '<[host:]port>',
      env: ['DFHF_LISTEN'],
      fallbackText: '65002 on all interfaces; a short-lived command takes the next free one',
      group: groups.peers,
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
      group: groups.peers,
      help: 'address at which other peers reach this one, where it is none of this machine (NAT, containers)',
    },
    parseAddress,
  ),
  zone: optional(
    {
      flag: 'zone',
      value: '<name>',
      env: ['DFHF_ZONE'],
      fallbackText: 'peers on the same subnet count as near',
      group: groups.peers,
      help: 'rack, site or region of this machine: peers of the same zone come first, so that little crosses between zones',
    },
    parseZone,
  ),
  clusterKeyFile: optional(
    {
      flag: 'cluster-key-file',
      value: '<file>',
      env: ['DFHF_CLUSTER_KEY_FILE'],
      group: groups.peers,
      help: 'secret that all peers of a cluster share; without it nothing private is shared',
    },
    expandPath,
  ),
  origin: choice(
    {
      flag: 'origin',
      value: '<who>',
      env: ['DFHF_ORIGIN'],
      group: groups.peers,
      help: 'who asks the Hub for bytes: auto shares the work, seeds leaves it to them, never means peers only',
    },
    'auto',
    ['auto', 'seeds', 'never'],
  ),
  tlsCert: optional(
    {
      flag: 'tls-cert',
      value: '<file>',
      env: ['DFHF_TLS_CERT'],
      group: groups.peers,
      help: 'certificate for talking to peers by TLS (PEM)',
    },
    expandPath,
  ),
  tlsKey: optional(
    {
      flag: 'tls-key',
      value: '<file>',
      env: ['DFHF_TLS_KEY'],
      group: groups.peers,
      help: 'private key of that certificate (PEM)',
    },
    expandPath,
  ),
  tlsCa: optional(
    {
      flag: 'tls-ca',
      value: '<file>',
      env: ['DFHF_TLS_CA'],
      group: groups.peers,
      help: "authority that signed the peers' certificates (PEM)",
    },
    expandPath,
  ),
  connections: optional(
    {
      flag: 'connections',
      value: '<n>',
      env: ['DFHF_CONNECTIONS'],
      fallbackText: 'as many as pay',
      group: groups.speed,
      help: 'most connections to the Hub at once',
    },
    parseCount(1),
  ),
  limitRate: optional(
    {
      flag: 'limit-rate',
      value: '<size>',
      env: ['DFHF_LIMIT_RATE'],
      group: groups.speed,
      help: 'most bytes a second that come in, such as 20MB; 0 for no limit',
    },
    parseLimit,
  ),
  uploadLimitRate: optional(
    {
      flag: 'upload-limit-rate',
      value: '<size>',
      env: ['DFHF_UPLOAD_LIMIT_RATE'],
      group: groups.speed,
      help: 'most bytes a second that go out to peers; 0 for no limit',
    },
    parseLimit,
  ),
} as const
