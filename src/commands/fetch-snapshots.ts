import { isAbort } from '../base/errors.ts'
import { Semaphore } from '../base/semaphore.ts'
import { repoName } from '../repo/repo.ts'
import type { LockedRepo } from '../repo/repo-lock.ts'
import { amountsOf, bringSnapshot, checkIsBringable, planEvent } from '../repo-download/download-snapshot.ts'
import { planLocked } from '../repo-download/plan-locked.ts'
import { planSnapshot, type SnapshotPlan } from '../repo-download/plan-snapshot.ts'
import type { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import { failedOutcome, type RepoOutcome, snapshotResult } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { ensureRoomForAll } from './ensure-room.ts'
import { lockedOf, writeLock } from './lock-file.ts'
import { closeAfterwards, openSession, type Session } from './open-session.ts'
import { withOtherType } from './other-type.ts'
import type { ListedSubject } from './repo-list.ts'
import type { SnapshotOptions } from './settings/options.ts'
import { crowdFor, dryRunOf, nameOf } from './snapshot-parts.ts'
import { type RepoFailure, worstFailure } from './worst-failure.ts'

/** Repos whose files are listed at the same time. */
const PLANNED_AT_ONCE = 4

/** A repo to fetch, and what a lock says of it where one is kept to. */
export interface Target {
  readonly subject: ListedSubject
  readonly locked: LockedRepo | undefined
}

/** What became of each repo, in the order of the targets; with the error that tells of all that failed. */
export interface Fetched {
  readonly outcomes: readonly RepoOutcome[]
  readonly failure: unknown
}

/** One target under way. */
interface Work {
  readonly target: Target
  readonly fetcher: RepoFetcher
  plan?: SnapshotPlan
  outcome?: RepoOutcome
  failure?: RepoFailure
}

interface PlannedWork extends Work {
  plan: SnapshotPlan
}

/**
 * Fetches many snapshots by one engine, one after the other once all are planned. What fails keeps none of the others
 * from coming, but for what is locked: a difference to the lock is found, and thrown, before anything is fetched.
 */
export async function fetchSnapshots(
  targets: readonly Target[],
  options: SnapshotOptions,
  context: CommandContext,
): Promise<Fetched> {
  await using stack = new AsyncDisposableStack()
  const session = stack.use(await openSession(options, context))
  const works = targets.map((target): Work => ({ target, fetcher: session.fetcherOf(target.subject) }))
  const slots = new Semaphore(PLANNED_AT_ONCE)
  await Promise.all(works.map((work) => slots.run(() => attempt(work, () => plan(work)))))
  if (targets.some(({ locked }) => locked) && failuresOf(works).length > 0)
    throw worstFailure(failuresOf(works), works.length)
  if (options.isDryRun) {
    for (const work of planned(works))
      work.outcome = { kind: 'plan', result: dryRunOf(work.fetcher, work.plan) }
  } else {
    await bringAll(works, session, options, context)
  }
  if (options.lock !== undefined) await lock(options.lock, works, context)
  closeAfterwards(session, stack.move(), context)
  return {
    outcomes: works.map(
      ({ outcome, failure, fetcher }) => outcome ?? failedOutcome(nameOf(fetcher), failure?.error),
    ),
    failure: worstFailure(failuresOf(works), works.length),
  }
}

async function plan(work: Work): Promise<void> {
  const { fetcher, target } = work
  const { subject, locked } = target
  const made = locked ? await planLocked(fetcher, locked) : await planSnapshot(fetcher, subject.selection)
  checkIsBringable(fetcher, made)
  work.plan = made
}

async function bringAll(
  works: readonly Work[],
  session: Session,
  options: SnapshotOptions,
  context: CommandContext,
): Promise<void> {
  const ready = planned(works)
  await ensureRoomForAll(ready, session.room)
  context.events(planEvent(ready.map((work) => amountsOf(work.plan))))
  for (const work of ready) {
    await attempt(work, async () => {
      const startedAt = performance.now()
      const isIntact = work.target.locked && session.isIntact
      const keeping = { isIntact, keepsResults: context.tellsFiles }
      const brought = await bringSnapshot(work.fetcher, work.plan, { ...crowdFor(options), ...keeping })
      const { path, commit, files } = brought
      const about = { ...nameOf(work.fetcher), path, commit, ms: Math.round(performance.now() - startedAt) }
      work.outcome = { kind: 'snapshot', result: snapshotResult(about, files) }
    })
  }
}

/** Does a part of the work, and keeps what goes wrong; being stopped is thrown. */
async function attempt(work: Work, part: () => Promise<void>): Promise<void> {
  const { fetcher, target } = work
  try {
    await part()
  } catch (error) {
    if (fetcher.parts.signal.aborted || isAbort(error)) throw error
    work.failure = { repo: repoName(target.subject.repo), error: await withOtherType(error, fetcher.parts) }
  }
}

function planned(works: readonly Work[]): PlannedWork[] {
  return works.filter((work): work is PlannedWork => work.plan !== undefined)
}

async function lock(path: string, works: readonly Work[], { log }: CommandContext): Promise<void> {
  if (failuresOf(works).length > 0) return log.warn(`${path} is not written, as not every repo is here`)
  await writeLock(
    path,
    planned(works).map(({ target, plan: made }) => lockedOf(target.subject, made)),
  )
}

function failuresOf(works: readonly Work[]): RepoFailure[] {
  return works.flatMap(({ failure }) => failure ?? [])
}
