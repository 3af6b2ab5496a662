import { downloadFile, locateFile } from '../repo-download/download-file.ts'
import { downloadSnapshot } from '../repo-download/download-snapshot.ts'
import { type FilePatterns, planSnapshot } from '../repo-download/plan-snapshot.ts'
import type { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import type { DryRunPlan } from '../ui/dry-run-table.ts'
import { type Outcome, snapshotResult } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { closeAfterwards, openSession } from './open-session.ts'
import { withOtherType } from './other-type.ts'
import type { DownloadOptions } from './settings/options.ts'
import { crowdFor, dryRunOf, nameOf } from './snapshot-parts.ts'

/** `dfhf download`, and `dfhf snapshot` on this machine: one file by its path, or all that the patterns keep. */
export async function downloadCommand(options: DownloadOptions, context: CommandContext): Promise<Outcome> {
  await using stack = new AsyncDisposableStack()
  const session = stack.use(await openSession(options, context))
  const fetcher = session.fetcherOf(options)
  const outcome = await fetchOutcome(fetcher, options, context).catch(async (error: unknown) => {
    throw await withOtherType(error, fetcher.parts)
  })
  closeAfterwards(session, stack.move(), context)
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
  const about = { ...nameOf(fetcher), path, commit, ms: Math.round(performance.now() - startedAt) }
  return { kind: 'snapshot', result: snapshotResult(about, files) }
}

async function planFile(fetcher: RepoFetcher, path: string): Promise<DryRunPlan> {
  const located = await locateFile(fetcher, path)
  if ('found' in located) {
    const { commit, size } = located.found
    return { ...nameOf(fetcher), commit, files: [{ name: path, size, isMissing: false }] }
  }
  const { wanted } = located
  const isMissing = fetcher.parts.isForced || !(await fetcher.parts.destination.has(wanted))
  return {
    ...nameOf(fetcher),
    commit: wanted.commit,
    files: [{ name: path, size: wanted.size, isMissing }],
  }
}

async function planFiles(fetcher: RepoFetcher, patterns: FilePatterns): Promise<DryRunPlan> {
  return dryRunOf(fetcher, await planSnapshot(fetcher, patterns))
}
