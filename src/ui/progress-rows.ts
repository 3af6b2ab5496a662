import type { ChalkInstance } from 'chalk'
import type { FileProgress, Progress, TotalProgress } from './progress.ts'
import {
  etaText,
  filesText,
  percentText,
  sharesText,
  sizesText,
  speedText,
  waitText,
} from './progress-text.ts'
import { safeText } from './safe-text.ts'
import { padded, shortName } from './short-name.ts'

const MAX_NAME_WIDTH = 40
const MIN_BAR_WIDTH = 8
const MAX_BAR_WIDTH = 30
/** Columns that speed, time left, connections and sources take. */
const FACTS_WIDTH = 62
const MIN_WIDTH_FOR_BARS = 50

/** How much room there is. */
export interface RowSpace {
  /** Columns of the terminal. */
  readonly width: number
  /** Most bars of files; the rest is counted in one line. */
  readonly files: number
  readonly colors: ChalkInstance
}

/** One row before it is laid out. */
interface Row {
  readonly name: string
  readonly of: FileProgress | TotalProgress
  readonly amount: string
  readonly stall: string | undefined
}

/** The bars as lines, none wider than the terminal: one a file under way and, for several files, one in total. */
export function progressRows(progress: Progress, space: RowSpace): string[] {
  const files = progress.files()
  const total = progress.total()
  const shown = files.slice(0, space.files)
  const limit = Math.min(MAX_NAME_WIDTH, Math.floor(space.width / 4))
  const rows = shown.map((file): Row => toRow(safeText(file.name), file, file.stall, limit))
  if (total.isMany) rows.push(toRow(totalLabel(total, files.length - shown.length), total, undefined, limit))
  const nameWidth = widest(rows.map((row) => row.name))
  const amountWidth = widest(rows.map((row) => row.amount))
  const [held] = progress.held()
  const waiting = held === undefined ? [] : [space.colors.yellow(cut(waitText(held), space.width - 1))]
  return [...rows.map((row) => rowText(row, { nameWidth, amountWidth, space })), ...waiting]
}

function toRow(
  name: string,
  of: FileProgress | TotalProgress,
  stall: string | undefined,
  limit: number,
): Row {
  return { name: shortName(name, limit), of, amount: sizesText(of), stall }
}

function totalLabel(total: TotalProgress, hidden: number): string {
  const more = hidden > 0 ? `, ${hidden} more open` : ''
  return filesText(total) + more
}

function rowText(
  { name, of, amount, stall }: Row,
  widths: { readonly nameWidth: number; readonly amountWidth: number; readonly space: RowSpace },
): string {
  const { width, colors } = widths.space
  const spare = width - widths.nameWidth - widths.amountWidth - FACTS_WIDTH
  const barWidth = width < MIN_WIDTH_FOR_BARS ? 0 : Math.max(MIN_BAR_WIDTH, Math.min(MAX_BAR_WIDTH, spare))
  const painted = stall === undefined ? colors.green : colors.yellow
  const full = of.size === 0 ? barWidth : Math.floor((of.done * barWidth) / of.size)
  const bar = barWidth > 0 ? [painted('━'.repeat(full)) + colors.dim('─'.repeat(barWidth - full))] : []
  const percent = (percentText(of) ?? '').padStart(5)
  const head = [padded(name, widths.nameWidth), percent, ...bar, padded(amount, widths.amountWidth)].join(' ')
  const room = width - 1 - Bun.stringWidth(head)
  if (room < 0) return [...Bun.stripANSI(head)].slice(0, Math.max(0, Math.floor((width - 1) / 2))).join('')
  if (stall !== undefined) return head + colors.yellow(cut(`  ${waitText(stall)}`, room))
  return head + movingFacts(of, room)
}

/** Speed, time left, connections and sources: as many as there is room for, in this order. */
function movingFacts(of: FileProgress | TotalProgress, room: number): string {
  const eta = etaText(of) ?? ''
  const connections = of.connections.hub + of.connections.peers
  const facts = [
    speedText(of.speed).padStart(9),
    eta.padEnd(10),
    connections > 0 ? `${connections} conns` : undefined,
    sharesText(of.bytes),
  ]
  let text = ''
  for (const fact of facts) {
    if (fact === undefined) continue
    if (Bun.stringWidth(text) + Bun.stringWidth(fact) + 2 > room) break
    text += `  ${fact}`
  }
  return text.trimEnd()
}

function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text
  let kept = ''
  for (const character of text) {
    if (Bun.stringWidth(kept + character) > width - 1) break
    kept += character
  }
  return width < 1 ? '' : `${kept}…`
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => Bun.stringWidth(text)))
}
