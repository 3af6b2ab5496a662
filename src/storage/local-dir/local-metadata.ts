import { stat } from 'node:fs/promises'
import { type Commit, isCommit } from '../../blob/oid.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { readPlainText } from '../files/plain-file.ts'

/** Three short lines. */
const MAX_METADATA_SIZE = 4096
/** A file system may keep times by the second. */
const MTIME_SLACK_SECONDS = 1

/** What is known of a file in a local dir: which content of which commit was put there, and when. */
export interface LocalMetadata {
  readonly commit: Commit
  readonly etag: string
  /** Unix time in seconds. */
  readonly timestamp: number
}

/** Three lines as Python writes them; the time with a fraction. */
export function formatLocalMetadata(metadata: LocalMetadata): string {
  return `${metadata.commit}\n${metadata.etag}\n${metadata.timestamp.toFixed(6)}\n`
}

/** Reads such lines; undefined for anything else. */
export function parseLocalMetadata(text: string): LocalMetadata | undefined {
  const [commit = '', etag = '', time = ''] = text.split('\n').map((line) => line.trim())
  const timestamp = Number(time)
  if (!isCommit(commit) || etag === '' || time === '' || !Number.isFinite(timestamp)) return undefined
  return { commit, etag, timestamp }
}

/** What `metadataPath` says of the file at `path`; undefined when that is gone or was changed since. */
export async function readLocalMetadata(
  metadataPath: string,
  path: string,
): Promise<LocalMetadata | undefined> {
  const [text, stats] = await Promise.all([
    readPlainText(metadataPath, MAX_METADATA_SIZE),
    stat(path).catch(() => undefined),
  ])
  const metadata = parseLocalMetadata(text ?? '')
  const isValid =
    metadata !== undefined &&
    stats?.isFile() === true &&
    stats.mtimeMs / 1000 - MTIME_SLACK_SECONDS <= metadata.timestamp
  return isValid ? metadata : undefined
}

/** Notes the file that was just put at `path`; to be called afterwards, since metadata older than its file does not count. */
export async function writeLocalMetadata(
  metadataPath: string,
  path: string,
  what: { readonly commit: Commit; readonly etag: string },
): Promise<void> {
  const { mtimeMs } = await stat(path)
  // A file server's clock may be ahead of this machine's.
  const timestamp = Math.max(Date.now(), mtimeMs) / 1000
  await writeFileAtomically(metadataPath, formatLocalMetadata({ ...what, timestamp }))
}
