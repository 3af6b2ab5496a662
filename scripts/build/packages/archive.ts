import { readdir } from 'node:fs/promises'
import { runTool } from '../run-tool.ts'
import { FILE_TIME } from './packing.ts'

/** How a folder becomes a tar file. */
export interface ArchiveOptions {
  /** As gzip's, from 1 to 9. @default none: a plain tar file */
  readonly compression?: number
  /** What of the folder goes in. @default all of it */
  readonly members?: readonly string[]
  /** The number of the files' user and group. @default 0 */
  readonly owner?: number
  /** @default readable by all, writable by the owner */
  readonly mode?: string
}

/** Packs a folder by GNU tar; its bytes follow from the files' names and content alone. */
export async function archive(folder: string, outfile: string, options: ArchiveOptions = {}): Promise<void> {
  const { compression, owner = 0, mode = 'u=rwX,go=rX' } = options
  const members = options.members ?? (await readdir(folder)).sort()
  const zip = compression === undefined ? [] : ['--use-compress-program', `gzip -n -${compression}`]
  const same = ['--format=ustar', '--sort=name', `--mtime=@${FILE_TIME}`, `--mode=${mode}`]
  const owned = ['--numeric-owner', `--owner=${owner}`, `--group=${owner}`]
  await runTool(['tar', '-c', '-f', outfile, ...zip, ...same, ...owned, '-C', folder, ...members])
}
