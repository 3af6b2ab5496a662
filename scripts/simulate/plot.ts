import type { RunResult } from './run.ts'

const WIDTH = 460
const HEIGHT = 330
const MARGIN = { left: 56, right: 16, top: 40, bottom: 48 }
const COLORS = ['#1b6ca8', '#c8553d', '#3d8b5f', '#8a5aa8', '#b8860b', '#555555']

interface Panel {
  readonly title: string
  readonly value: (result: RunResult) => number
  /** What the design asks of a thousand peers. */
  readonly goal: number
}

const panels: readonly Panel[] = [
  { title: 'bytes from the Hub / size', value: ({ hubRatio }) => hubRatio, goal: 1.05 },
  { title: 'last finish / physical bound', value: ({ timeRatio }) => timeRatio, goal: 1.5 },
]

/** Draws both ratios over the number of peers, one line for each rule, scenario and Hub, as an SVG document. */
export function plot(results: readonly RunResult[]): string {
  const series = Map.groupBy(results, nameOf)
  const names = [...series.keys()]
  const height = HEIGHT + 20 * names.length + 16
  const body = panels.map((panel, at) =>
    group(at * WIDTH, 0, [...axes(panel, results), ...lines(panel, results, series)]),
  )
  const legend = names.map((name, at) =>
    group(MARGIN.left, HEIGHT + 20 * at, [
      `<line x1="0" x2="24" y1="0" y2="0" stroke="${colorOf(at)}" stroke-width="2"/>`,
      label(32, 4, name),
    ]),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...body,
    ...legend,
    '</svg>\n',
  ].join('\n')
}

function nameOf({ rule, scenario, hubRate, size }: RunResult): string {
  return `${rule}, ${scenario}, Hub ${Math.round(hubRate / 125)} Mbit/s, ${Math.round(size / 2 ** 20)} MiB`
}

function lines(
  panel: Panel,
  results: readonly RunResult[],
  series: ReadonlyMap<string, readonly RunResult[]>,
): string[] {
  const drawn: string[] = []
  for (const [at, members] of [...series.values()].entries()) {
    const byPeers = [...Map.groupBy(members, ({ peers }) => peers)].sort(([a], [b]) => a - b)
    const points = byPeers.map(([peers, runs]) => {
      const values = runs.map(panel.value)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      return [xOf(peers, results), yOf(mean, panel, results)] as const
    })
    const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
    drawn.push(`<polyline points="${path}" fill="none" stroke="${colorOf(at)}" stroke-width="2"/>`)
    for (const [x, y] of points)
      drawn.push(`<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${colorOf(at)}"/>`)
  }
  return drawn
}

function axes(panel: Panel, results: readonly RunResult[]): string[] {
  const [left, right, bottom] = [MARGIN.left, WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom]
  const drawn = [
    label(left, 22, panel.title, 'font-size="14" font-weight="bold"'),
    label((left + right) / 2, HEIGHT - 12, 'peers', 'text-anchor="middle"'),
  ]
  for (const peers of new Set(results.map((result) => result.peers))) {
    const x = round(xOf(peers, results))
    drawn.push(`<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 4}" stroke="#444"/>`)
    drawn.push(label(Number(x), bottom + 18, peers.toLocaleString('en'), 'text-anchor="middle"'))
  }
  const top = topOf(panel, results)
  const base = baseOf(panel, results)
  for (let tick = 0; tick <= 5; tick += 1) {
    const value = base + ((top - base) * tick) / 5
    const y = round(yOf(value, panel, results))
    drawn.push(`<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="#ddd"/>`)
    drawn.push(label(left - 8, Number(y) + 4, value.toFixed(2), 'text-anchor="end"'))
  }
  const y = round(yOf(panel.goal, panel, results))
  drawn.push(
    `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="#333" stroke-dasharray="5 4"/>`,
    label(right, Number(y) - 5, `goal at 1,000 peers: ${panel.goal}`, 'text-anchor="end" fill="#333"'),
    `<polyline points="${left},${MARGIN.top} ${left},${bottom} ${right},${bottom}" fill="none" stroke="#444"/>`,
  )
  return drawn
}

function baseOf(panel: Panel, results: readonly RunResult[]): number {
  return Math.min(1, ...results.map(panel.value))
}

function topOf(panel: Panel, results: readonly RunResult[]): number {
  return Math.max(panel.goal, ...results.map(panel.value)) * 1.05
}

function yOf(value: number, panel: Panel, results: readonly RunResult[]): number {
  const base = baseOf(panel, results)
  const part = (value - base) / (topOf(panel, results) - base)
  return HEIGHT - MARGIN.bottom - part * (HEIGHT - MARGIN.top - MARGIN.bottom)
}

function xOf(peers: number, results: readonly RunResult[]): number {
  const counts = results.map((result) => Math.log10(result.peers))
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  const part = most === least ? 0.5 : (Math.log10(peers) - least) / (most - least)
  return MARGIN.left + 16 + part * (WIDTH - MARGIN.left - MARGIN.right - 32)
}

function group(x: number, y: number, parts: readonly string[]): string {
  return `<g transform="translate(${x} ${y})">${parts.join('\n')}</g>`
}

function label(x: number, y: number, text: string, attributes = ''): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${safe}</text>`
}

function colorOf(at: number): string {
  return COLORS[at % COLORS.length] ?? 'black'
}

function round(value: number): string {
  return value.toFixed(1)
}
