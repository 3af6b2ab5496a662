import { safeText } from './safe-text.ts'
import { padded } from './short-name.ts'

/** Rows as aligned columns with two spaces between; control characters are escaped. Ends in a newline unless empty. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const safe = rows.map((row) => row.map(safeText))
  const widths: number[] = []
  for (const row of safe)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, Bun.stringWidth(cell))
  const line = (row: readonly string[]) => row.map((cell, at) => padded(cell, widths[at] ?? 0)).join('  ')
  return safe.map((row) => `${line(row).trimEnd()}\n`).join('')
}
