import type { ArticleRow } from './article-report.ts'

/** A size and its rows. */
export interface ArticlePanel {
  readonly size: number
  readonly rows: readonly ArticleRow[]
}

const WIDTH = 860
const BAR = 18
const LINE = 28
const LEFT = 350
const RIGHT = 130
const HEAD = 44

/** Draws the times as bars, one panel for each size, as an SVG document. */
export function articlePlot(panels: readonly ArticlePanel[]): string {
  let y = 0
  const drawn = panels.flatMap((panel) => {
    const lines = drawPanel(panel, y)
    y += HEAD + LINE * panel.rows.length + 12
    return lines
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="13">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...drawn,
    '</svg>\n',
  ].join('\n')
}

function drawPanel({ size, rows }: ArticlePanel, top: number): string[] {
  const longest = Math.max(...rows.map(({ callMs }) => callMs))
  const title = `<text x="16" y="${top + 26}" font-size="16" font-weight="bold">${(size / 1e9).toFixed(1)} GB</text>`
  const bars = rows.flatMap((row, index) => {
    const y = top + HEAD + LINE * index
    const width = Math.max(1, ((WIDTH - LEFT - RIGHT) * row.callMs) / longest)
    const color = row.name === 'direct' ? '#9a9a9a' : '#1b6ca8'
    const middle = y + BAR / 2 + 5
    return [
      `<text x="${LEFT - 10}" y="${middle}" text-anchor="end">${row.title}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${color}"/>`,
      `<text x="${(LEFT + width + 8).toFixed(1)}" y="${middle}">${(row.callMs / 1000).toFixed(2)} s (${row.ratio.toFixed(2)} ×)</text>`,
    ]
  })
  return [title, ...bars]
}
