import { repoName } from '../repo/repo.ts'
import type { SnapshotPlan } from '../repo-download/plan-snapshot.ts'
import type { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import type { SnapshotOptions } from '../repo-download/snapshot-run.ts'
import { MOST_SMALL_BLOBS } from '../transfer/small-blob.ts'
import type { DryRunPlan } from '../ui/dry-run-table.ts'
import type { FetchOptions } from './settings/options.ts'

/** Files in flight at once: one without a connection to the Hub would only wait. */
export function crowdFor({ maxWorkers, mostFiles, peers, speed }: FetchOptions): SnapshotOptions {
  const { connections = Number.POSITIVE_INFINITY } = speed
  const most = peers.origin === 'auto' ? connections : Number.POSITIVE_INFINITY
  return {
    workers: Math.min(maxWorkers, most),
    mostSmall: Math.min(mostFiles ?? MOST_SMALL_BLOBS, most),
  }
}

/** What a dry run says of a plan. */
export function dryRunOf(fetcher: RepoFetcher, { commit, files }: SnapshotPlan): DryRunPlan {
  return {
    ...nameOf(fetcher),
    commit,
    files: files.map(({ file, isHere }) => ({ name: file.path, size: file.size, isMissing: !isHere })),
  }
}

/** The repo and the revision as results name them. */
export function nameOf({ parts }: RepoFetcher): { readonly repo: string; readonly revision: string } {
  return { repo: repoName(parts.repo), revision: parts.revision }
}
