import type { Dice } from './dice.ts'
import { pauseFor } from './hostile/hostile-peer.ts'
import { httpGet } from './http-get.ts'
import type { TrueFile } from './truth.ts'
import { attackerRepo, repoIds, type World } from './world.ts'

const MOST = 400_000
const PAUSE_MS = 250

/** Where a thief may knock. */
export interface Doors {
  /** `host:port` of each peer API. */
  readonly peers: () => readonly string[]
  /** `host:port` of each gateway. */
  readonly gateways: () => readonly string[]
}

interface Attempt {
  readonly to: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly what: string
  /** The public file that it may rightly get. */
  readonly rightly?: TrueFile
  readonly from?: number
  /** Whether the whole blob was checked before it was asked for: the sender cannot check a piece of an unfinished blob. */
  readonly isProven?: boolean
}

/** Tries all run long to get private bytes without a permission, and to be given wrong ones of what is public. */
export async function steal(world: World, doors: Doors, dice: Dice, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const attempts = attemptsOf(world, doors, dice)
    for (const attempt of dice.some(attempts, 3, 8)) await tryOne(world, attempt, signal)
    await pauseFor(signal, PAUSE_MS)
  }
}

async function tryOne({ truth, findings }: World, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { to, target, headers, what, rightly, from = 0 } = attempt
  const parts: Uint8Array[] = []
  const timed = AbortSignal.any([signal, AbortSignal.timeout(5000)])
  const result = await httpGet({
    to,
    target,
    signal: timed,
    atMost: MOST,
    ...(headers && { headers }),
    onBytes: (bytes) => parts.push(Uint8Array.from(bytes)),
  })
  const body = Buffer.concat(parts)
  if (truth.windows.find(body) !== undefined && (rightly === undefined || rightly.visibility !== 'public'))
    findings.add('private bytes', `${what} (${result.status}, ${body.length} bytes): ${target.slice(0, 160)}`)
  const begin = result.status === 206 ? from : 0
  const isBlob = result.status === 200 || result.status === 206
  if (!rightly || !isBlob || body.equals(rightly.bytes.subarray(begin, begin + body.length))) return
  if (attempt.isProven)
    findings.add(
      'wrong bytes',
      `${what} gave other bytes of ${rightly.path} from ${begin} (${result.status})`,
    )
  else findings.unproven += 1
}

/** Tries everything once, at daemons whose blobs are all checked: not one wrong byte may come. */
export async function stealAtTheEnd(
  world: World,
  doors: Doors,
  dice: Dice,
  signal: AbortSignal,
): Promise<void> {
  for (const attempt of attemptsOf(world, doors, dice))
    await tryOne(world, { ...attempt, isProven: true }, signal)
}

function attemptsOf(world: World, doors: Doors, dice: Dice): Attempt[] {
  return [
    ...doors.gateways().flatMap((to) => atGateway(world, to)),
    ...doors.peers().flatMap((to) => atPeer(world, to, dice)),
  ]
}

function atGateway(world: World, to: string): Attempt[] {
  const { hub, truth, outsiderToken, stranger } = world
  const secret = truth.files.filter(({ visibility, bytes }) => visibility !== 'public' && bytes.length >= 300)
  const outsider = { authorization: `Bearer ${outsiderToken}` }
  const cdnHost = new URL(hub.cdnUrl).host
  return [
    ...secret.flatMap(({ repo, path, oid }): Attempt[] => {
      const place = `/${repo}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`
      const inProxy = { host: new URL(hub.url).host }
      return [
        { to, target: place, what: 'the mirror, without token' },
        { to, target: place, headers: outsider, what: "the mirror, with an outsider's token" },
        { to, target: hub.url + place, headers: inProxy, what: 'the proxy, without token' },
        {
          to,
          target: `${hub.cdnUrl}/repos/aa/bb/${'c'.repeat(64)}/${oid}`,
          headers: { host: cdnHost },
          what: 'the proxy, for an unsigned CDN address',
        },
        {
          to,
          target: `/repos/aa/bb/${'c'.repeat(64)}/${oid}`,
          headers: { 'x-dragonfly-registry': hub.cdnUrl },
          what: 'an unsigned address with X-Dragonfly-Registry',
        },
        {
          to,
          target: `http://${stranger}/files/${oid}`,
          headers: { host: stranger },
          what: "the proxy, for a stranger's file named as a private blob",
        },
        {
          to,
          target: `/files/${oid}`,
          headers: { 'x-dragonfly-registry': `http://${stranger}` },
          what: "X-Dragonfly-Registry, for a stranger's file named as a private blob",
        },
        {
          to,
          target: place,
          headers: { host: 'rebound.example', 'x-dragonfly-registry': hub.url },
          what: 'a foreign Host',
        },
      ]
    }),
    ...truth.of(attackerRepo).flatMap((lie): Attempt[] => {
      const place = `/${attackerRepo}/resolve/main/${lie.path}`
      return [
        { to, target: place, what: 'the mirror, for a file named as a private blob' },
        {
          to,
          target: hub.url + place,
          headers: { host: new URL(hub.url).host },
          what: 'the proxy, for a file named as a private blob',
        },
        {
          to,
          target: place,
          headers: { 'x-dragonfly-registry': hub.url },
          what: 'X-Dragonfly-Registry, for a file named as a private blob',
        },
      ]
    }),
  ]
}

function atPeer({ truth, hub }: World, to: string, dice: Dice): Attempt[] {
  const contact = encodeURIComponent(
    JSON.stringify({
      id: 'ab'.repeat(8),
      name: 'thief',
      addresses: [],
      port: 9,
      version: '0.1.0',
      role: 'download',
    }),
  )
  return truth.files
    .filter(({ bytes, repo }) => bytes.length >= 300 && repo !== attackerRepo)
    .flatMap((file): Attempt[] => {
      const { oid, repo, path, bytes, visibility } = file
      const from = dice.integer(0, bytes.length - 1)
      const range = { range: `bytes=${from}-${Math.min(bytes.length - 1, from + dice.integer(0, MOST))}` }
      const commit = hub.repo(repo).resolve('main')?.id ?? ''
      const open = hub.repo(repoIds.public).resolve('main')?.id ?? ''
      const place = (id: string, at: string) => `?${new URLSearchParams({ repo: id, commit: at, path })}`
      const rightly = visibility === 'public' ? { rightly: file, from } : {}
      return [
        { to, target: `/v1/blobs/${oid}`, headers: range, what: 'the peer API, without a name', ...rightly },
        {
          to,
          target: `/v1/blobs/${oid}`,
          headers: { ...range, 'x-dfhf-peer': contact },
          what: 'the peer API',
          ...rightly,
        },
        {
          to,
          target: `/v1/blobs/${oid}${place(repo, commit)}`,
          headers: range,
          what: 'the peer API, told of the place',
          ...rightly,
        },
        {
          to,
          target: `/v1/blobs/${oid}${place(repoIds.public, open)}`,
          headers: range,
          what: 'the peer API, told of a false place',
          ...rightly,
        },
      ]
    })
}
