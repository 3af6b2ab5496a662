import type { Rates } from '../../test/support/hub/faults.ts'
import { Dice } from './dice.ts'
import { type HostileKind, hostileKinds } from './hostile/kinds.ts'
import { chooseHubTroubles, chooseRates, type HubTrouble } from './hub-trouble.ts'
import type { PlannedFile, Visibility } from './planned-file.ts'

/** What is done to the victims themselves. */
type ProcessTrouble =
  | { readonly kind: 'none' }
  /** kill -9 after this part of the time alone, then the same command again. */
  | { readonly kind: 'kill'; readonly at: number }
  /** SIGSTOP, and SIGCONT so long after it. */
  | { readonly kind: 'stop'; readonly at: number; readonly forMs: number }
  /** A disk that holds this part of the files, then a larger one. */
  | { readonly kind: 'full-disk'; readonly room: number }
  /** A blob changed in place, its times restored, before the victim is used again. */
  | { readonly kind: 'rot'; readonly at: number }

/** What one run does, all of it following from its seed. */
export interface Plan {
  readonly seed: number
  readonly command: 'download' | 'snapshot' | 'serve'
  readonly visibility: Visibility
  /** The files of the repo that the victims want; a download wants the first. */
  readonly files: readonly PlannedFile[]
  readonly victims: number
  /** Whether the victims share a cluster key; no hostile peer has it. */
  readonly hasKey: boolean
  /** Whether an honest daemon that has all of it takes part. */
  readonly hasHonestSeed: boolean
  readonly hostiles: readonly HostileKind[]
  readonly hub: readonly HubTrouble[]
  readonly rates: Rates
  readonly process: ProcessTrouble
  readonly isLocalDir: boolean
  readonly connections: number | undefined
  /** Whether the repo turns private while the daemon serves it. */
  readonly turnsPrivate: boolean
}

/** What the clients of a daemon fetch besides, of private and gated repos. */
const HIDDEN_SIZE = 2_600_000

/** The run of a seed. Each aspect has dice of its own: a new choice in one leaves the others as they are. */
export function planRun(seed: number): Plan {
  const aspect = (name: string) => new Dice(Number(Bun.hash.xxHash32(`${name} ${seed}`)))
  const command = aspect('command').weighted<Plan['command']>([
    ['download', 45],
    ['snapshot', 25],
    ['serve', 30],
  ])
  const files = chooseFiles(aspect('files'), command)
  const visibility = aspect('visibility').weighted<Visibility>([
    ['public', 65],
    ['private', 22],
    ['gated', 13],
  ])
  const isPlain = aspect('plain').chance(0.08)
  const process = isPlain ? ({ kind: 'none' } as const) : chooseProcessTrouble(aspect('process'), command)
  const connections = chooseConnections(aspect('connections'))
  const wanted = sizeOf(command === 'download' ? files.slice(0, 1) : files)
  const size = command === 'serve' ? wanted + HIDDEN_SIZE : wanted
  return {
    seed,
    command,
    visibility,
    files,
    victims: aspect('victims').integer(1, command === 'serve' ? 2 : 3),
    hasKey: aspect('key').chance(visibility === 'public' ? 0.15 : 0.6),
    hasHonestSeed: aspect('honest').chance(0.3),
    hostiles: isPlain ? [] : aspect('hostiles').some(hostileKinds, 1, 3),
    hub: isPlain ? [] : chooseHubTroubles(aspect('hub')),
    rates: chooseRates(aspect('rates'), { size, connections }),
    process,
    isLocalDir: command !== 'serve' && process.kind !== 'rot' && aspect('folder').chance(0.2),
    connections,
    turnsPrivate: command === 'serve' && visibility === 'public' && aspect('turn').chance(0.2),
  }
}

function chooseConnections(dice: Dice): number | undefined {
  return dice.chance(0.3) ? dice.integer(1, 16) : undefined
}

/** The bytes of some files together. */
export function sizeOf(files: readonly PlannedFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}

/** The files that the victims get. */
export function wantedFiles({ command, files }: Plan): readonly PlannedFile[] {
  return command === 'download' ? files.slice(0, 1) : files
}

/** Whether the Hub's own trouble may end a download with this code: wrong bytes, or a time in which it is down. */
export function isHubToBlame({ hub }: Plan, code: number): boolean {
  if (code === 5) return hub.some(({ faults }) => faults.some(({ flip }) => flip))
  return code === 6 && hub.some(({ down }) => down)
}

/** A plan in one line of words. */
export function describePlan(plan: Plan): string {
  const wanted = wantedFiles(plan)
  const parts = [
    `${plan.victims} x ${plan.command} of ${wanted.length} ${plan.visibility} file${wanted.length === 1 ? '' : 's'}, ${megabytes(sizeOf(wanted))}`,
    ...(plan.hasKey ? ['with key'] : []),
    ...(plan.isLocalDir ? ['local dir'] : []),
    ...(plan.connections === undefined ? [] : [`${plan.connections} connections`]),
    ...(plan.hasHonestSeed ? ['an honest seed'] : []),
    ...(plan.hostiles.length > 0 ? [`hostile: ${plan.hostiles.join(' + ')}`] : []),
    ...plan.hub.map(({ name }) => name),
    ...(Object.keys(plan.rates).length > 0 ? ['slow Hub'] : []),
    ...(plan.process.kind === 'none' ? [] : [plan.process.kind]),
    ...(plan.turnsPrivate ? ['turns private'] : []),
  ]
  return parts.join('; ')
}

function megabytes(size: number): string {
  return size < 100_000 ? `${size} B` : `${(size / 1e6).toFixed(1)} MB`
}

function chooseFiles(dice: Dice, command: Plan['command']): PlannedFile[] {
  const count = command === 'download' ? 1 : dice.integer(1, command === 'serve' ? 4 : 8)
  return Array.from({ length: count }, (_, index) => {
    const size = chooseSize(dice, count)
    return { path: choosePath(dice, index), size, isLfs: size > 5_000_000 || dice.chance(0.75) }
  })
}

function choosePath(dice: Dice, index: number): string {
  return `${dice.pick(['', '', 'nested/', 'a b/'])}file${index}.${dice.pick(['bin', 'safetensors', 'json', 'txt'])}`
}

function chooseSize(dice: Dice, count: number): number {
  const piece = 2 ** 20
  const most = Math.floor((64 * piece) / count)
  const size = dice.weighted<() => number>([
    [() => 0, 2],
    [() => dice.integer(1, 5000), 8],
    [() => piece * dice.integer(1, 4) + dice.integer(-1, 1), 15],
    [() => dice.integer(100_000, 8_000_000), 35],
    [() => dice.integer(8_000_000, 32_000_000), 32],
    [() => 64 * piece - dice.integer(0, 1000), 8],
  ])()
  return Math.min(size, most)
}

function chooseProcessTrouble(dice: Dice, command: Plan['command']): ProcessTrouble {
  const at = 0.1 + dice.fraction() * 0.8
  const kind = dice.weighted<ProcessTrouble['kind']>([
    ['none', 50],
    ['kill', 20],
    ['stop', 10],
    ['full-disk', command === 'serve' ? 0 : 10],
    ['rot', 10],
  ])
  if (kind === 'kill' || kind === 'rot') return { kind, at }
  if (kind === 'stop') return { kind, at, forMs: dice.integer(300, 2500) }
  if (kind === 'full-disk') return { kind, room: dice.fraction() }
  return { kind: 'none' }
}
