// The table of Dragonfly's article on Hugging Face, measured anew in one run: `bun scripts/bench-article.ts --help`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { type Measured, measureCases } from './bench/article-cases.ts'
import { type ArticlePanel, articlePlot } from './bench/article-plot.ts'
import { articleTable, toRows } from './bench/article-report.ts'
import { startBenchHub } from './bench/bench-hub.ts'
import { machineLine, writeFigures } from './bench/report.ts'

const usage = `bun scripts/bench-article.ts [options]
  --size SIZE      of the file; may be repeated (default 500MB and 2GB)
  --rate SIZE      what the Hub sends a second (default 100MB)
  --rounds N       how often all is measured; the middle one counts (default 1)
  --folder PATH    where all files go, those of the nodes too (default: the system's temporary folder)
  --json FILE      writes all figures there
  --svg FILE       draws them there
The program is the one in DFHF_BINARY, or is built. Python and the newest huggingface_hub 1.x are needed.
`

const { values } = parseArgs({
  options: {
    size: { type: 'string', multiple: true, default: ['500MB', '2GB'] },
    rate: { type: 'string', default: '100MB' },
    rounds: { type: 'string', default: '1' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    svg: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  process.env.TMPDIR = resolve(values.folder)
  const panels: ArticlePanel[] = []
  for (const text of values.size) {
    const size = parseSize(text)
    const rows = toRows(await measureRounds(size), size)
    process.stdout.write(`\n${text}, Hub at ${values.rate}/s; ${machineLine()}\n\n${articleTable(rows)}`)
    panels.push({ size, rows })
  }
  writeFigures(values.json, { rate: parseSize(values.rate), panels })
  if (values.svg !== undefined) writeFileSync(values.svg, articlePlot(panels))
}

async function measureRounds(size: number): Promise<Measured[]> {
  await using hub = await startBenchHub(size)
  await hub.hub.order({ rates: { cdn: parseSize(values.rate) } })
  const measured: Measured[] = []
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const work = mkdtempSync(join(resolve(values.folder), 'dfhf-bench-article-'))
    try {
      measured.push(
        ...(await measureCases(hub, work, (text) => process.stderr.write(`round ${round}: ${text}\n`))),
      )
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  return measured
}
