import { DfhfError } from '../base/errors.ts'
import type { FileRef } from '../repo/file-ref.ts'
import { missingFiles } from '../repo-download/download-snapshot.ts'
import type { SnapshotPlan } from '../repo-download/plan-snapshot.ts'
import type { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import type { DiskRoom } from '../storage/files/disk-room.ts'

interface Planned {
  readonly fetcher: RepoFetcher
  readonly plan: SnapshotPlan
}

/**
 * Throws `disk-full` when the disks have less room than all of these snapshots take together. What a store on this
 * machine has may cost no room: that is looked up only where room is short, as it may cost reading all of it.
 */
export async function ensureRoomForAll(all: readonly Planned[], room: DiskRoom): Promise<void> {
  const needs = await needsOf(all, async ({ plan }) => missingFiles(plan.files))
  try {
    await room.ensure(needs)
  } catch (error) {
    if (!(error instanceof DfhfError) || error.code !== 'disk-full') throw error
    await room.ensure(await needsOf(all, filesFromElsewhere))
  }
}

async function needsOf(all: readonly Planned[], filesOf: (each: Planned) => Promise<readonly FileRef[]>) {
  const needs = all.map(async (each) => each.fetcher.parts.destination.spaceNeeded(await filesOf(each)))
  return (await Promise.all(needs)).flat()
}

/** What is missing and in no store of this machine. */
async function filesFromElsewhere({ fetcher, plan }: Planned): Promise<FileRef[]> {
  const { findLocal, isForced } = fetcher.parts
  const missing = missingFiles(plan.files)
  if (isForced) return missing
  const rest: FileRef[] = []
  for (const file of missing) if (!(await findLocal(file.oid, file.size))) rest.push(file)
  return rest
}
