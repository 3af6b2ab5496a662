import { countOf } from '../base/count-of.ts'
import { formatSize } from '../base/size.ts'
import type { BytesBySource, TransferEvent } from '../transfer/transfer-event.ts'
import { formatDuration } from './duration.ts'
import type { FileProgress, Progress, TotalProgress } from './progress.ts'
import { safeText } from './safe-text.ts'
import { shortName } from './short-name.ts'

/** How far something is; where `isWhole` is false, `size` is only what is known of it so far. */
interface Extent {
  readonly size: number
  readonly done: number
  readonly isWhole: boolean
}

/** `45 %`, rounded down so that 100 means complete; undefined where the whole is not known yet. */
export function percentText({ done, size, isWhole }: Extent): string | undefined {
  return isWhole ? `${size === 0 ? 100 : Math.floor((done * 100) / size)} %` : undefined
}

/** `12/1000+ files`, without the sign once all are listed. */
export function filesText({ doneFiles, files, isWhole }: TotalProgress): string {
  return `${doneFiles}/${isWhole ? countOf(files, 'file') : `${files}+ files`}`
}

/** `1.2 GB / 2.7 GB`, with a `+` while more may be listed. */
export function sizesText({ done, size, isWhole }: Extent): string {
  return `${formatSize(done)} / ${formatSize(size)}${isWhole ? '' : '+'}`
}

/** `650 MB/s`. */
export function speedText(speed: number): string {
  return `${formatSize(speed)}/s`
}

/** `ETA 12 s`, or undefined when nothing moves, nothing is left or nobody knows how much is left. */
export function etaText({
  size,
  done,
  isWhole,
  speed,
}: Extent & { readonly speed: number }): string | undefined {
  if (speed < 1 || done >= size || !isWhole) return undefined
  const seconds = Math.ceil((size - done) / speed)
  return `ETA ${seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000)}`
}

/** `8 connections (3 to peers)`, or undefined for none. */
function connectionsText({ hub, peers }: { hub: number; peers: number }): string | undefined {
  if (hub + peers === 0) return undefined
  const all = countOf(hub + peers, 'connection')
  return peers === 0 ? all : `${all} (${peers} to peers)`
}

/** `hub 60 %, peers 40 %`, or undefined while nothing came. */
export function sharesText(bytes: BytesBySource): string | undefined {
  const sum = bytes.hub + bytes.peers + bytes.local
  if (sum <= 0) return undefined
  return kinds
    .filter((kind) => bytes[kind] > 0)
    .map((kind) => `${kind} ${Math.round((bytes[kind] * 100) / sum)} %`)
    .join(', ')
}

/** One line that says how far everything is, in the manner of rclone's --stats-one-line. */
export function statsLine(progress: Progress): string {
  const total = progress.total()
  const files = progress.files()
  const stalls = files.flatMap((file) => (file.stall === undefined ? [] : [file.stall]))
  const reasons = [...new Set([...progress.held(), ...stalls])].join('; ')
  const [only] = files
  if (!total.isMany && !only) return reasons === '' ? 'asking the Hub' : waitText(reasons)
  const subject = total.isMany ? filesText(total) : shortName(safeText(only?.name ?? ''))
  const isHeld = reasons !== '' && total.speed < 1
  return join([
    `${subject}: ${sizesText(total)}`,
    percentText(total),
    ...movement(total),
    isHeld && waitText(reasons),
  ])
}

/** `waiting: the Hub asks for 20 s of patience`; a reason may say itself that it is a wait. */
export function waitText(reason: string): string {
  return safeText(reason.startsWith('waiting') ? reason : `waiting: ${reason}`)
}

/** `fetching 11 of 12 files, 271 kB; 600 MB are here already`. */
export function planLine(plan: Extract<TransferEvent, { type: 'plan' }>): string {
  const { files, size, missingFiles, missingSize, isWhole } = plan
  if (!isWhole)
    return `fetching ${missingFiles} of the first ${countOf(files, 'file')} while the others are listed`
  const here = size > missingSize ? `; ${formatSize(size - missingSize)} are here already` : ''
  return `fetching ${missingFiles} of ${countOf(files, 'file')}, ${formatSize(missingSize)}${here}`
}

/** The last word on the whole run. */
export function summaryLine(progress: Progress, ms: number): string | undefined {
  const total = progress.total()
  if (!total.isMany) return undefined
  const got = total.bytes.hub + total.bytes.peers + total.bytes.local
  const all = countOf(total.files, 'file')
  const files = progress.isComplete ? all : `${total.doneFiles} of ${total.isWhole ? all : `${all} or more`}`
  if (progress.isComplete && got === 0) return `${files}, ${formatSize(total.size)}, all here already`
  const kept = progress.isComplete && got < total.size && `${formatSize(total.size - got)} were here`
  return join([`${files}, ${gotText(got, ms)}`, kept, sourcesText(total.bytes, progress)])
}

/** One finished file. */
export function fileDoneLine(
  event: Extract<TransferEvent, { type: 'file-done' }>,
  name: string,
  progress: Progress,
): string {
  const { size, ms, bytes } = event.result
  const got = bytes.hub + bytes.peers + bytes.local
  if (got === 0) return `${safeText(name)}: ${formatSize(size)}, already here`
  const kept = got < size ? `${formatSize(size - got)} were here` : undefined
  return join([`${safeText(name)}: ${gotText(got, ms)}`, kept, sourcesText(bytes, progress)])
}

function gotText(got: number, ms: number): string {
  const speed = ms >= 1 && got > 0 ? ` (${speedText((got * 1000) / ms)})` : ''
  return `${formatSize(got)} in ${formatDuration(ms)}${speed}`
}

/** One line a blob for logs, after Dragonfly's. */
export function taskLine(event: Extract<TransferEvent, { type: 'task-done' }>): string {
  const { ms, oid, bytes, pieces, retries } = event
  return (
    `task done cost=${(ms / 1000).toFixed(3)}s task=${oid} hub=${bytes.hub} peers=${bytes.peers} ` +
    `local=${bytes.local} pieces=${pieces} retries=${retries}`
  )
}

/** Speed, time left, connections and sources of a file or of all; what says nothing is left out. */
function movement(of: FileProgress | TotalProgress): (string | undefined)[] {
  return [speedText(of.speed), etaText(of), connectionsText(of.connections), sharesText(of.bytes)]
}

function sourcesText(bytes: BytesBySource, progress: Progress): string | undefined {
  const parts = kinds.filter((kind) => bytes[kind] > 0).map((kind) => `${kind} ${formatSize(bytes[kind])}`)
  if (parts.length === 0) return undefined
  const peers = bytes.peers > 0 ? progress.peers() : []
  const named = peers.slice(0, 4).map((peer) => `${safeText(peer.name)} ${formatSize(peer.count)}`)
  if (peers.length > named.length) named.push(`${peers.length - named.length} more`)
  return parts
    .map((part) => (part.startsWith('peers') && named.length > 0 ? `${part} (${named.join(', ')})` : part))
    .join(', ')
}

function join(parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false).join(', ')
}

const kinds = ['hub', 'peers', 'local'] as const
