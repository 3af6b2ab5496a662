import { writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { type Cost, median } from './measure.ts'

/** One line of a table of downloads. */
export interface DownloadRow {
  readonly name: string
  readonly isVerified: boolean
  readonly wallMs: number
  readonly cpuMs: number
  /** CPU time for 2^30 bytes, in ms; absent where the files are small and count by their number. */
  readonly cpuMsPerGiB?: number
  readonly peakMemory: number
  /** dfhf's time over this one's: the median of the rounds' own ratios. The same for CPU time. */
  readonly ratio?: number
  readonly cpuRatio?: number
  readonly goal?: number
  readonly rounds: readonly Omit<Cost, 'stdout'>[]
}

/** What the runs of one contender come to. */
export function toRow(
  about: { readonly name: string; readonly isVerified: boolean; readonly goal?: number },
  costs: readonly Cost[],
  options: {
    /** dfhf's costs of the same rounds. */
    readonly ours?: readonly Cost[] | undefined
    /** All bytes. */
    readonly size?: number
  } = {},
): DownloadRow {
  const { ours, size } = options
  const middle = (pick: (cost: Cost) => number) => median(costs.map(pick))
  const ratio = (pick: (cost: Cost) => number) =>
    median(costs.map((cost, round) => pick(ours?.[round] ?? cost) / pick(cost)))
  const cpuMs = middle((cost) => cost.cpuMs)
  return {
    name: about.name,
    isVerified: about.isVerified,
    wallMs: middle((cost) => cost.wallMs),
    cpuMs,
    ...(size !== undefined && { cpuMsPerGiB: (cpuMs * 2 ** 30) / size }),
    peakMemory: Math.max(...costs.map((cost) => cost.peakMemory)),
    ...(ours && { ratio: ratio((cost) => cost.wallMs), cpuRatio: ratio((cost) => cost.cpuMs) }),
    ...(about.goal !== undefined && { goal: about.goal }),
    rounds: costs.map(({ wallMs, cpuMs: cpu, peakMemory }) => ({ wallMs, cpuMs: cpu, peakMemory })),
  }
}

/** The rows as a Markdown table. */
export function downloadTable(rows: readonly DownloadRow[]): string {
  const hasGoals = rows.some(({ goal }) => goal !== undefined)
  const hasSize = rows.some(({ cpuMsPerGiB }) => cpuMsPerGiB !== undefined)
  return table(
    [
      '',
      'checked',
      'time',
      'CPU time',
      ...(hasSize ? ['CPU time a GiB'] : []),
      'peak memory',
      'dfhf takes',
      'of its CPU time',
      ...(hasGoals ? ['goal'] : []),
    ],
    rows.map((row) => [
      row.name,
      row.isVerified ? 'yes' : 'no',
      seconds(row.wallMs),
      seconds(row.cpuMs),
      ...(hasSize ? [row.cpuMsPerGiB === undefined ? '' : seconds(row.cpuMsPerGiB)] : []),
      megabytes(row.peakMemory),
      times(row.ratio),
      times(row.cpuRatio),
      ...(hasGoals ? [row.goal === undefined ? '' : `≤ ${row.goal} ×`] : []),
    ]),
  )
}

/** A Markdown table whose columns are also straight on a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('')
}

/** What this machine is, and how busy it is now. */
export function machineLine(): string {
  const cores = cpus()
  const load = loadavg()[0]?.toFixed(1)
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, load ${load}`
}

/** Writes figures as JSON, with the day and the machine; does nothing without a file. */
export function writeFigures(file: string | undefined, figures: object): void {
  if (file === undefined) return
  const about = { date: new Date().toISOString().slice(0, 10), machine: machineLine() }
  writeFileSync(file, `${JSON.stringify({ ...about, ...figures }, undefined, 2)}\n`)
}

/** A time in seconds, from ms. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

/** A size in MB. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(2)} ×`
}
