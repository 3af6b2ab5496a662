import type { ChalkInstance } from 'chalk'
import { formatSize } from '../base/size.ts'
import type { FileProgress, Progress, TotalProgress } from './progress.ts'
import { movement, percentText } from './progress-text.ts'
import { safeText } from './safe-text.ts'
import { padded, shortName } from './short-name.ts'

const MAX_NAME_WIDTH = 40
const MIN_BAR_WIDTH = 8
const MAX_BAR_WIDTH = 30

/** How much room there is. */
export interface RowSpace {
  /** Columns of the terminal. */
  readonly width: number
  /** Most bars of files; the rest is counted in one line. */
  readonly files: number
  readonly colors: ChalkInstance
}

/** The bars as lines, none wider than the terminal: one a file under way and, for several files, one in total. */
export function progressRows(progress: Progress, space: RowSpace): string[] {
  const files = progress.files()
  const total = progress.total()
  const shown = files.slice(0, space.files)
  const names = shown.map((file) => safeText(file.name))
  const label = totalLabel(total, files.length - shown.length)
  const limit = Math.min(MAX_NAME_WIDTH, Math.floor(space.width / 3))
  const cut = names.map((name) => shortName(name, limit))
  const nameWidth = Math.max(
    0,
    ...[...cut, total.isMany ? shortName(label, limit) : ''].map((text) => Bun.stringWidth(text)),
  )
  const rows = shown.map((file, index) => row(padded(cut[index] ?? '', nameWidth), file, space))
  if (total.isMany) rows.push(row(padded(shortName(label, limit), nameWidth), total, space))
  return rows
}

function totalLabel(total: TotalProgress, hidden: number): string {
  const more = hidden > 0 ? `, ${hidden} more under way` : ''
  return `${total.doneFiles}/${total.files} files${more}`
}

function row(name: string, of: FileProgress | TotalProgress, { width, colors }: RowSpace): string {
  const stall = 'stall' in of ? of.stall : undefined
  const percent = percentText(of.done, of.size).padStart(5)
  const amount = `${formatSize(of.done)} / ${formatSize(of.size)}`
  const facts = stall === undefined ? movement(of) : [`waiting: ${safeText(stall)}`]
  const fixed = Bun.stringWidth(name) + percent.length + 4
  const detail = fit(
    [amount, ...facts.filter((fact) => fact !== undefined)],
    width - fixed - MIN_BAR_WIDTH - 2,
  )
  const room = width - 1 - fixed - Bun.stringWidth(detail)
  const bar = room >= MIN_BAR_WIDTH ? barText(of, Math.min(room, MAX_BAR_WIDTH)) : undefined
  const painted = stall === undefined ? colors.green : colors.yellow
  const parts = [name, percent, bar && `${painted(bar.full)}${colors.dim(bar.rest)}`]
  const tail = stall === undefined ? detail : colors.yellow(detail)
  const text = [...parts.filter((part) => part !== undefined), tail].join(' ')
  return Bun.stringWidth(text) < width ? text : Bun.stripANSI(text).slice(0, Math.max(0, width - 1))
}

/** As many of `parts`, in their order, as fit; at least the first, and the last one cut when it is long. */
function fit(parts: readonly string[], width: number): string {
  let text = parts[0] ?? ''
  for (const part of parts.slice(1)) {
    const longer = `${text}  ${part}`
    if (Bun.stringWidth(longer) > width) {
      const rest = width - Bun.stringWidth(text) - 2
      return part.startsWith('waiting') && rest > 12 ? `${text}  ${part.slice(0, rest - 1)}…` : text
    }
    text = longer
  }
  return text
}

function barText(
  { done, size }: { done: number; size: number },
  width: number,
): { full: string; rest: string } {
  const full = size === 0 ? width : Math.floor((done * width) / size)
  return { full: '━'.repeat(full), rest: '─'.repeat(width - full) }
}
