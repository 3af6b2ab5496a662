import type { RunResult } from './run.ts'

const MBIT_PER_S = 125

type Column = readonly [title: string, text: (result: RunResult) => string]

const seconds = (ms: number) => (ms / 1000).toFixed(2)

const columns: readonly Column[] = [
  ['rule', ({ rule }) => rule],
  ['scenario', ({ scenario }) => scenario],
  ['peers', ({ peers }) => String(peers)],
  ['hub Mbit/s', ({ hubRate }) => String(Math.round(hubRate / MBIT_PER_S))],
  ['seed', ({ seed }) => String(seed)],
  ['hub / size', ({ hubRatio }) => hubRatio.toFixed(3)],
  ['far / size', ({ farRatio }) => farRatio.toFixed(2)],
  ['last / bound', ({ timeRatio }) => timeRatio.toFixed(3)],
  ['bound s', ({ bound }) => seconds(bound)],
  ['p50 s', ({ p50 }) => seconds(p50)],
  ['p99 s', ({ p99 }) => seconds(p99)],
  ['last s', ({ last }) => seconds(last)],
  ['unfinished', ({ unfinished }) => String(unfinished)],
  ['cpu s', ({ cpuMs }) => seconds(cpuMs)],
]

/** The heading of a table of results, and its rows as they come: words left, numbers right. */
export function tableRow(result?: RunResult): string {
  const cells = columns.map(([title, text], at) => {
    const width = Math.max(title.length, at === 1 ? 9 : 7)
    const cell = result ? text(result) : title
    return at < 2 ? cell.padEnd(width) : cell.padStart(width)
  })
  return cells.join('  ')
}
