import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DfhfError } from '../base/errors.ts'
import { systemReason } from '../base/system-reason.ts'
import { readAuthorities } from '../http/connect/trust.ts'
import { createHttpClient } from '../http/http-client.ts'
import { PeerNode, type PeerNodeOptions } from '../peer/peer-node.ts'
import type { TlsTexts } from '../peer/peer-server.ts'
import { slowShelf } from '../peer/slow-down.ts'
import { parseSeeds } from '../swarm/discovery/discovery-seeds.ts'
import { readClusterKey } from '../swarm/trust/cluster-key.ts'
import { RotatingKey } from '../swarm/trust/rotating-key.ts'
import type { CommandContext } from './commands.ts'
import type { PeerOptions, SpeedOptions, TlsFiles } from './settings/options.ts'

/** Connections to one peer: its held streams and the ranges under way. */
const CONNECTIONS_PER_PEER = 32
/** In a large swarm a peer asks each other one every few seconds; all of them close idle connections after 15 s. */
const KEEP_ALIVE_MS = 10_000

/** What the options leave open. */
type Rest = Pick<PeerNodeOptions, 'role' | 'shelf' | 'hubLimits' | 'fetchesForPeers' | 'onUpload'>

/** Reads keys and certificates; the function it gives back starts the peer, so that none starts without need. */
export async function preparePeerNode(
  options: PeerOptions,
  { uploadLimitRate }: SpeedOptions,
  context: CommandContext,
) {
  const { log, version } = context
  const { clusterKeyFile } = options
  const key =
    clusterKeyFile === undefined ? undefined : new RotatingKey(await readClusterKey(clusterKeyFile, log))
  const seeds = parseSeeds(options.seeds)
  const { tls } = options
  const ca = tls?.ca
  const texts = tls && (await readTls(tls))
  const start = (rest: Rest): PeerNode =>
    new PeerNode({
      ...rest,
      shelf: uploadLimitRate === undefined ? rest.shelf : slowShelf(rest.shelf, uploadLimitRate),
      version,
      listen: options.listen,
      takesNextPort: rest.role === 'download' && !options.isListenGiven,
      advertise: options.advertise,
      isMulticast: options.isMulticast,
      seeds,
      zone: options.zone,
      key,
      tls: texts,
      needsTls: tls !== undefined,
      http: createHttpClient({
        connections: CONNECTIONS_PER_PEER,
        connectTimeoutMs: 3_000,
        keepAliveMs: KEEP_ALIVE_MS,
        ...(ca !== undefined && { authorities: () => readPeerAuthorities(ca) }),
      }),
      log,
    })
  return { key, start }
}

/** The authorities whose peers are believed. Throws `usage` for a file that holds no sound certificate. */
export function readPeerAuthorities(path: string): readonly string[] {
  return readAuthorities({ named: { NODE_EXTRA_CA_CERTS: path } })
}

/** Reads certificate and key. Throws `usage` for what cannot be read, or does not belong together. */
export async function readTls({ cert, key }: TlsFiles): Promise<TlsTexts> {
  const [certificate, privateKey] = await Promise.all([readPem(cert), readPem(key)])
  if (isPair(certificate, privateKey)) return { certificate, privateKey }
  throw new DfhfError('usage', `${key} is not the key of the certificate in ${cert}`, {
    hint: 'check --tls-cert and --tls-key',
  })
}

function isPair(certificate: string, privateKey: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))
  } catch {
    return false
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DfhfError('usage', `cannot read ${path}: ${systemReason(cause)}`, {
      hint: 'check --tls-cert and --tls-key',
      cause,
    })
  }
}
