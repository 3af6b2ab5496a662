import { type Log, silentLog } from '../base/log.ts'
import { type Token, tokenPath } from '../hub/tokens.ts'
import type { PeerNode } from '../peer/peer-node.ts'
import type { TlsTexts } from '../peer/peer-server.ts'
import { RotatingToken } from '../serve/rotating-token.ts'
import { isWarmTokenWithdrawn, readWarmToken } from '../serve/warm-token.ts'
import { FollowedFiles } from '../storage/files/followed-files.ts'
import { type ClusterKey, readClusterKey } from '../swarm/trust/cluster-key.ts'
import type { RotatingKey } from '../swarm/trust/rotating-key.ts'
import type { CommandContext } from './commands.ts'
import { findUsersToken } from './connect-hub.ts'
import { readPeerAuthorities, readTls } from './open-peer-node.ts'
import type { HubOptions, PeerOptions } from './settings/options.ts'

/** A secret in files, and what uses it. */
interface Secret<T> {
  readonly what: string
  readonly paths: readonly string[]
  readonly read: () => Promise<T>
  readonly use?: (value: T) => void
}

/** Follows a secret, and tells when it was read anew, or cannot be used. */
function followSecret<T>({ what, paths, read, use }: Secret<T>, log: Log): Promise<FollowedFiles<T>> {
  return FollowedFiles.open({
    paths,
    read,
    onChange(value) {
      use?.(value)
      const files = paths.join(', ')
      if (value === undefined) log.warn(`${what} was withdrawn: ${files} holds none any more`)
      else log.info(`${what} was read anew from ${files}`)
    },
    onFailure: (error) =>
      log.warn(`${what} is kept as it was: ${error instanceof Error ? error.message : String(error)}`),
  })
}

/**
 * The secrets by which other machines order fetches now: what the file holds, and for a while what it held before. A file
 * that is emptied or removed withdraws both.
 */
export async function followWarmToken(
  path: string | undefined,
  stack: AsyncDisposableStack,
  log: Log,
): Promise<() => readonly string[]> {
  if (path === undefined) return () => []
  const token = new RotatingToken(await readWarmToken(path, silentLog))
  const read = async () => ((await isWarmTokenWithdrawn(path)) ? undefined : readWarmToken(path, log))
  const use = (next: string | undefined) => token.turnTo(next)
  const followed = stack.use(await followSecret({ what: 'the warm token', paths: [path], read, use }, log))
  token.turnTo(followed.value)
  return () => token.accepted()
}

/**
 * The user's token as its file holds it now, also one that a login writes later. Undefined where it does not come from
 * that file, and so never changes.
 */
export async function followUsersToken(
  options: HubOptions,
  stack: AsyncDisposableStack,
  context: CommandContext,
): Promise<(() => Token | undefined) | undefined> {
  const path = tokenPath(context.env)
  const found = findUsersToken(options, context)
  if (path === undefined || (found && found.from !== path)) return undefined
  const read = async () => findUsersToken(options, context)
  const token = stack.use(await followSecret({ what: "the user's token", paths: [path], read }, context.log))
  return () => token.value
}

/** Has a node go on with a new cluster key, or a new certificate, when their files change. */
export async function followPeerSecrets(
  { clusterKeyFile: path, tls }: PeerOptions,
  parts: { readonly node: PeerNode; readonly key: RotatingKey | undefined },
  stack: AsyncDisposableStack,
  log: Log,
): Promise<void> {
  const { node, key } = parts
  if (path !== undefined && key) {
    const read = () => readClusterKey(path, log)
    const use = (next: ClusterKey) => key.turnTo(next)
    stack.use(await followSecret({ what: 'the cluster key', paths: [path], read, use }, log))
  }
  if (!tls) return
  const read = () => readTls(tls)
  const use = (texts: TlsTexts) => node.useTls(texts)
  const what = 'the certificate for peers'
  stack.use(await followSecret({ what, paths: [tls.cert, tls.key], read, use }, log))
  const { ca } = tls
  if (ca === undefined) return
  const authority = {
    what: 'the authority of peers',
    paths: [ca],
    read: async () => readPeerAuthorities(ca),
    use: () => node.renewTrust(),
  }
  stack.use(await followSecret(authority, log))
}
