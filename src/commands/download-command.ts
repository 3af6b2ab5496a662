import { repoName } from '../repo/repo.ts'
import { downloadFile, locateFile } from '../repo-download/download-file.ts'
import { downloadSnapshot, type SnapshotOptions } from '../repo-download/download-snapshot.ts'
import { type FilePatterns, planSnapshot } from '../repo-download/plan-snapshot.ts'
import type { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import { MOST_SMALL_BLOBS } from '../transfer/small-blob.ts'
import type { DryRunPlan } from '../ui/dry-run-table.ts'
import { type Outcome, snapshotResult } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { openSession } from './open-session.ts'
import { withOtherType } from './other-type.ts'
import type { DownloadOptions } from './settings/options.ts'

/** `dfhf download`, and `dfhf snapshot` on this machine: one file by its path, or all that the patterns keep. */
export async function downloadCommand(options: DownloadOptions, context: CommandContext): Promise<Outcome> {
  await using stack = new AsyncDisposableStack()
  const session = stack.use(await openSession(options, context))
  const outcome = await fetchOutcome(session.fetcher, options, context).catch(async (error: unknown) => {
    throw await withOtherType(error, session.fetcher.parts)
  })
  const owned = stack.move()
  context.afterwards(async () => {
    await using _session = owned
    await session.linger(context.signal).catch(() => {})
  })
  return outcome
}

async function fetchOutcome(
  fetcher: RepoFetcher,
  options: DownloadOptions,
  { tellsFiles }: CommandContext,
): Promise<Outcome> {
  const { selection } = options
  if (selection.kind === 'file') {
    if (options.isDryRun) return { kind: 'plan', result: await planFile(fetcher, selection.path) }
    return { kind: 'file', result: await downloadFile(fetcher, selection.path) }
  }
  if (options.isDryRun) return { kind: 'plan', result: await planFiles(fetcher, selection) }
  const startedAt = performance.now()
  const { path, commit, files } = await downloadSnapshot(fetcher, selection, {
    ...crowdFor(options),
    keepsResults: tellsFiles,
  })
  const about = { ...describe(fetcher), path, commit, ms: Math.round(performance.now() - startedAt) }
  return { kind: 'snapshot', result: snapshotResult(about, files) }
}

/** Files in flight at once: one without a connection to the Hub would only wait. */
function crowdFor({ maxWorkers, mostFiles, peers, speed }: DownloadOptions): SnapshotOptions {
  const { connections = Number.POSITIVE_INFINITY } = speed
  const most = peers.origin === 'auto' ? connections : Number.POSITIVE_INFINITY
  return {
    workers: Math.min(maxWorkers, most),
    mostSmall: Math.min(mostFiles ?? MOST_SMALL_BLOBS, most),
  }
}

async function planFile(fetcher: RepoFetcher, path: string): Promise<DryRunPlan> {
  const located = await locateFile(fetcher, path)
  if ('found' in located) {
    const { commit, size } = located.found
    return { ...describe(fetcher), commit, files: [{ name: path, size, isMissing: false }] }
  }
  const { wanted } = located
  const isMissing = fetcher.parts.isForced || !(await fetcher.parts.destination.has(wanted))
  return {
    ...describe(fetcher),
    commit: wanted.commit,
    files: [{ name: path, size: wanted.size, isMissing }],
  }
}

async function planFiles(fetcher: RepoFetcher, patterns: FilePatterns): Promise<DryRunPlan> {
  const { commit, files } = await planSnapshot(fetcher, patterns)
  return {
    ...describe(fetcher),
    commit,
    files: files.map(({ file, isHere }) => ({ name: file.path, size: file.size, isMissing: !isHere })),
  }
}

function describe({ parts }: RepoFetcher): { readonly repo: string; readonly revision: string } {
  return { repo: repoName(parts.repo), revision: parts.revision }
}
