import { type CaseName, cases, type Measured } from './article-cases.ts'
import { median } from './measure.ts'
import { seconds, table } from './report.ts'

/** A case over all rounds. */
export interface ArticleRow {
  readonly name: CaseName
  readonly title: string
  readonly callMs: number
  readonly wallMs: number
  /** Bytes from the Hub over the file's size. */
  readonly copies: number
  /** The call's time over that of the direct one. */
  readonly ratio: number
}

/** The middle of each case's rounds. */
export function toRows(measured: readonly Measured[], size: number): ArticleRow[] {
  const byName = Map.groupBy(measured, ({ name }) => name)
  const middle = (name: CaseName, pick: (one: Measured) => number) =>
    median((byName.get(name) ?? []).map(pick))
  const direct = middle('direct', ({ callMs }) => callMs)
  return [...byName.keys()].map((name) => {
    const callMs = middle(name, (one) => one.callMs)
    return {
      name,
      title: cases[name],
      callMs,
      wallMs: middle(name, ({ wallMs }) => wallMs),
      copies: middle(name, ({ hubBytes }) => hubBytes) / size,
      ratio: callMs / direct,
    }
  })
}

/** The rows as a Markdown table. */
export function articleTable(rows: readonly ArticleRow[]): string {
  const cachedWall = rows.find(({ name }) => name === 'cached')?.wallMs ?? Number.NaN
  const goals: Partial<Record<CaseName, (row: ArticleRow) => string>> = {
    cold: ({ ratio }) => judge('≤ 1.02 × direct', ratio <= 1.02),
    remote: ({ ratio }) => judge(`≥ 3.3 times faster: ${(1 / ratio).toFixed(1)}`, 1 / ratio >= 3.3),
    localByDfhf: ({ wallMs }) => judge("≤ the HF cache's own hit, start to end", wallMs <= cachedWall),
  }
  return table(
    ['', 'time', '× direct', 'start to end', 'copies from the Hub', 'goal'],
    rows.map((row) => [
      row.title,
      seconds(row.callMs),
      row.ratio.toFixed(3),
      seconds(row.wallMs),
      row.copies.toFixed(3),
      goals[row.name]?.(row) ?? '',
    ]),
  )
}

function judge(goal: string, isMet: boolean): string {
  return `${goal} (${isMet ? 'met' : 'missed'})`
}
