import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { keepText } from './disk.ts'
import { downloadStages, type StageTimes } from './download-stage.ts'
import type { Finding } from './finding.ts'
import type { HostileKind } from './hostile/kinds.ts'
import { describePlan, planRun } from './plan.ts'
import type { Peaks, Strictness } from './run-context.ts'
import { serveStages } from './serve-stage.ts'
import { processesOf } from './victim.ts'
import { openWorld } from './world.ts'

/** How one run went. */
export interface Outcome extends StageTimes {
  readonly seed: number
  /** What was tried, in words. */
  readonly scenario: string
  readonly findings: readonly Finding[]
  /** How often wrong bytes came that their sender could not check yet. */
  readonly unproven: number
  readonly peaks: Peaks
  readonly ms: number
  /** Logs and caches; kept when something was found. */
  readonly folder: string
}

/** How a run is done. */
export interface RunOptions extends Strictness {
  /** Where the run's folder will be. */
  readonly root: string
  /** Keeps runs at the same time apart: from 0 to 99. */
  readonly slot: number
  readonly keepsFolders: boolean
  /** Takes the place of the hostile peers that the seed says, to find out which of them matters. */
  readonly hostiles?: readonly HostileKind[] | undefined
}

/** Does the run of a seed and cleans up after it. */
export async function runSeed(seed: number, options: RunOptions): Promise<Outcome> {
  const started = performance.now()
  const planned = planRun(seed)
  const plan = options.hostiles ? { ...planned, hostiles: options.hostiles } : planned
  const folder = join(options.root, `seed-${seed}`)
  rmSync(folder, { recursive: true, force: true })
  const mark = `${process.pid}-${options.slot}-${seed}`
  const peaks: Peaks = { memory: 0, handles: 0 }
  const world = await openWorld(plan, options.slot)
  const context = { world, folder, mark, slack: options.slack, onlyReportsTimes: options.onlyReportsTimes }
  let times: StageTimes = { aloneMs: undefined, withPeersMs: undefined }
  try {
    times = await (plan.command === 'serve' ? serveStages : downloadStages)(context, peaks)
  } catch (error) {
    world.findings.add('campaign', error instanceof Error ? `${error.stack}` : String(error))
  } finally {
    await world[Symbol.asyncDispose]()
  }
  for (const pid of processesOf(mark)) {
    world.findings.add('left behind', `process ${pid} outlives the run`)
    process.kill(pid, 'SIGKILL')
  }
  for (const text of world.hub.stats().violations) world.findings.add('token off the Hub', text)
  const outcome = {
    seed,
    scenario: describePlan(plan),
    ...times,
    findings: world.findings.list(),
    unproven: world.findings.unproven,
    peaks,
    ms: performance.now() - started,
    folder,
  }
  if (outcome.findings.length > 0 || options.keepsFolders)
    keepText(folder, 'outcome.json', JSON.stringify({ ...outcome, plan }, undefined, 2))
  else if (existsSync(folder)) rmSync(folder, { recursive: true, force: true })
  return outcome
}
