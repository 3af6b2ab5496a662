import { DfhfError } from '../base/errors.ts'
import type { Outcome } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { downloadCommand } from './download-command.ts'
import { fetchSnapshots, type Target } from './fetch-snapshots.ts'
import { readGivenFile } from './given-file.ts'
import { entriesFor, readLock, subjectOf } from './lock-file.ts'
import { orderAll } from './order-all.ts'
import { orderWarm } from './order-warm.ts'
import { type ListedSubject, parseRepoList, withPatterns } from './repo-list.ts'
import type { SnapshotOptions } from './settings/options.ts'

const MAX_LIST_SIZE = 2 ** 20

/** `dfhf snapshot`: one repo, a list or what a lock file says, onto this machine, or with `--on` into another node's store. */
export async function snapshotCommand(options: SnapshotOptions, context: CommandContext): Promise<Outcome> {
  const { on, subject, lock, locked, from } = options
  if (subject && on !== undefined)
    return { kind: 'remote', result: await orderWarm(on, { ...options, ...subject }, context) }
  if (subject && lock === undefined && locked === undefined)
    return downloadCommand({ ...options, ...subject }, context)
  const targets = await findTargets(options, context.signal)
  if (options.localDir !== undefined && targets.length > 1) {
    throw new DfhfError(
      'usage',
      `--local-dir holds one repo, and ${from ?? locked} names ${targets.length}`,
      {
        hint: 'fetch them into the cache',
      },
    )
  }
  if (on !== undefined) return { kind: 'list', ...(await orderAll(on, targets, options, context)) }
  const { outcomes, failure } = await fetchSnapshots(targets, options, context)
  const [only] = outcomes
  if (!subject || only === undefined) return { kind: 'list', outcomes, failure }
  if (failure !== undefined) throw failure
  return only
}

/** The repos of the list or the lock, each with the entry of the lock that it must keep to. */
async function findTargets(options: SnapshotOptions, signal: AbortSignal): Promise<Target[]> {
  const { subject, locked } = options
  const subjects = await findSubjects(options, signal)
  if (locked === undefined) return (subjects ?? []).map((each) => ({ subject: each, locked: undefined }))
  const lock = await readLock(locked, signal)
  const entries = subjects ? entriesFor(subjects, lock, { name: locked, isWhole: !subject }) : lock
  return entries.map((entry) => ({ subject: subjectOf(entry), locked: entry }))
}

/** Undefined where the lock alone says which repos are meant. */
async function findSubjects(
  { subject, from, hub }: SnapshotOptions,
  signal: AbortSignal,
): Promise<readonly ListedSubject[] | undefined> {
  if (subject) return [withPatterns(subject)]
  if (from === undefined) return undefined
  const text = await readGivenFile(from, { maxSize: MAX_LIST_SIZE, what: 'the list', signal })
  return parseRepoList(text, { name: from === '-' ? 'stdin' : from, endpoint: hub.endpoint })
}
