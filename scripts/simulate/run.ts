import type { DecisionCode } from './decision-code.ts'
import type { WorldOptions } from './environment.ts'
import { scenarios } from './scenario.ts'
import { World } from './world.ts'

/** One swarm to simulate. */
export interface RunOptions extends Omit<WorldOptions, 'code' | 'startAt'> {
  readonly scenario: string
  readonly rule: string
  readonly code: DecisionCode
}

/** What came of it. Times in ms from the first start. */
export interface RunResult {
  readonly rule: string
  readonly scenario: string
  readonly peers: number
  readonly seed: number
  readonly size: number
  readonly hubRate: number
  readonly linkRate: number
  readonly bound: number
  /** Bytes from the Hub over the blob's size. */
  readonly hubRatio: number
  /** Bytes from rack to rack over the blob's size. */
  readonly farRatio: number
  /** When the last peer ended over the bound. */
  readonly timeRatio: number
  /** How long a peer took, from its own start. */
  readonly p50: number
  readonly p99: number
  readonly last: number
  /** Peers that never had the blob. */
  readonly unfinished: number
  readonly cpuMs: number
}

/** The least time in which N hosts can have `size` bytes, by the links alone. */
export function physicalBound(options: {
  readonly peers: number
  readonly size: number
  readonly hubRate: number
  readonly linkRate: number
}): number {
  const { peers, size, hubRate, linkRate } = options
  return Math.max(size / hubRate, size / linkRate, (peers * size) / (hubRate + peers * linkRate))
}

/** Simulates one swarm to its end. */
export function simulate(options: RunOptions): RunResult {
  const { scenario: name, rule, peers, seed, size, hubRate, linkRate } = options
  const scenario = scenarios[name]
  if (!scenario) throw new Error(`no scenario '${name}': ${Object.keys(scenarios).join(', ')}`)
  const least = physicalBound(options)
  const startAt = (n: number) => scenario.startAt?.(n, peers, least) ?? 0
  const cpu = process.cpuUsage()
  const world = new World({ ...options, startAt })
  const excused = new Set(scenario.befall?.(world, least))
  const awaited = world.peers.filter((peer) => !excused.has(peer))
  world.run(awaited)
  const survivors = awaited.filter((peer) => !peer.isDead && !peer.isSilent)
  const done = survivors.filter((peer) => peer.finishedAt !== undefined)
  const durations = done.map((peer) => (peer.finishedAt ?? 0) - peer.startedAt).sort((a, b) => a - b)
  const last = Math.max(...done.map((peer) => peer.finishedAt ?? 0))
  const bound = Math.max(least, startAt(peers - 1) + size / linkRate)
  const { user, system } = process.cpuUsage(cpu)
  return {
    rule,
    scenario: name,
    peers,
    seed,
    size,
    hubRate,
    linkRate,
    bound,
    hubRatio: world.environment.hubBytes / size,
    farRatio: world.environment.farBytes / size,
    timeRatio: last / bound,
    p50: quantile(durations, 0.5),
    p99: quantile(durations, 0.99),
    last,
    unfinished: survivors.length - done.length,
    cpuMs: (user + system) / 1000,
  }
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}
