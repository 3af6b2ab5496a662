import { isAbort } from '../base/errors.ts'
import { repoName } from '../repo/repo.ts'
import type { EventSink } from '../transfer/transfer-event.ts'
import { failedOutcome, type RepoOutcome } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import type { Fetched, Target } from './fetch-snapshots.ts'
import { orderWarm } from './order-warm.ts'
import type { SnapshotOptions } from './settings/options.ts'
import { type RepoFailure, worstFailure } from './worst-failure.ts'

/** Has the node at `on` fetch many snapshots into its store, one after the other. */
export async function orderAll(
  on: string,
  targets: readonly Target[],
  options: SnapshotOptions,
  context: CommandContext,
): Promise<Fetched> {
  const summed = { ...context, events: withSummedPlans(context.events) }
  const outcomes: RepoOutcome[] = []
  const failures: RepoFailure[] = []
  for (const { subject } of targets) {
    const name = { repo: repoName(subject.repo), revision: subject.revision }
    try {
      outcomes.push({ kind: 'remote', result: await orderWarm(on, { ...options, ...subject }, summed) })
    } catch (error) {
      if (context.signal.aborted || isAbort(error)) throw error
      outcomes.push(failedOutcome(name, error))
      failures.push({ repo: name.repo, error })
    }
  }
  return { outcomes, failure: worstFailure(failures, targets.length) }
}

/** Each order reports a plan of its own; the progress shown is that of all orders so far. */
function withSummedPlans(report: EventSink): EventSink {
  const sum = { files: 0, size: 0, missingFiles: 0, missingSize: 0 }
  return (event) => {
    if (event.type !== 'plan') return report(event)
    for (const key of ['files', 'size', 'missingFiles', 'missingSize'] as const) sum[key] += event[key]
    report({ type: 'plan', ...sum, isWhole: event.isWhole })
  }
}
