import { type Cost, median } from './measure.ts'
import { table } from './report.ts'

/** One line of the table of a link. */
export interface LinkRow {
  readonly name: string
  readonly wallMs: number
  readonly cpuMs: number
  /** CPU time for 2^30 bytes, in ms. */
  readonly cpuMsPerGiB: number
  readonly peakMemory: number
  readonly rounds: readonly Omit<Cost, 'stdout'>[]
}

/** What the runs of one contender with a file of `size` bytes come to. */
export function toLinkRow(name: string, size: number, costs: readonly Cost[]): LinkRow {
  const cpuMs = median(costs.map((cost) => cost.cpuMs))
  return {
    name,
    wallMs: median(costs.map((cost) => cost.wallMs)),
    cpuMs,
    cpuMsPerGiB: (cpuMs * 2 ** 30) / size,
    peakMemory: Math.max(...costs.map((cost) => cost.peakMemory)),
    rounds: costs.map(({ wallMs, cpuMs: cpu, peakMemory }) => ({ wallMs, cpuMs: cpu, peakMemory })),
  }
}

/** The rows as a Markdown table. */
export function linkTable(rows: readonly LinkRow[]): string {
  return table(
    ['', 'time', 'CPU time', 'CPU time a GiB', 'peak memory'],
    rows.map((row) => [
      row.name,
      `${(row.wallMs / 1000).toFixed(2)} s`,
      `${(row.cpuMs / 1000).toFixed(2)} s`,
      `${(row.cpuMsPerGiB / 1000).toFixed(1)} s`,
      `${Math.round(row.peakMemory / 1e6)} MB`,
    ]),
  )
}
