import { type Cost, median } from './measure.ts'

/** One line of the table of downloads. */
export interface DownloadRow {
  readonly name: string
  readonly isVerified: boolean
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMemory: number
  /** dfhf's time over this one's: the median of the rounds' own ratios. */
  readonly ratio?: number
  readonly goal?: number
  readonly rounds: readonly Omit<Cost, 'stdout'>[]
}

/** What the runs of one contender come to; `ours` are dfhf's costs of the same rounds. */
export function toRow(
  about: { readonly name: string; readonly isVerified: boolean; readonly goal?: number },
  costs: readonly Cost[],
  ours: readonly Cost[] | undefined,
): DownloadRow {
  const middle = (pick: (cost: Cost) => number) => median(costs.map(pick))
  const ratios = costs.map((cost, round) => (ours?.[round]?.wallMs ?? 0) / cost.wallMs)
  return {
    name: about.name,
    isVerified: about.isVerified,
    wallMs: middle((cost) => cost.wallMs),
    cpuMs: middle((cost) => cost.cpuMs),
    peakMemory: Math.max(...costs.map((cost) => cost.peakMemory)),
    ...(ours && { ratio: median(ratios) }),
    ...(about.goal !== undefined && { goal: about.goal }),
    rounds: costs.map(({ wallMs, cpuMs, peakMemory }) => ({ wallMs, cpuMs, peakMemory })),
  }
}

/** The rows as a Markdown table. */
export function downloadTable(rows: readonly DownloadRow[]): string {
  return table(
    ['', 'checked', 'time', 'CPU time', 'peak memory', 'dfhf takes', 'goal'],
    rows.map((row) => [
      row.name,
      row.isVerified ? 'yes' : 'no',
      seconds(row.wallMs),
      seconds(row.cpuMs),
      `${Math.round(row.peakMemory / 1e6)} MB`,
      row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} ×`,
      row.goal === undefined ? '' : `≤ ${row.goal} ×`,
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

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
