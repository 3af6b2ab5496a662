// A day of three daemons in minutes. `bun scripts/soak.ts [--downloads N] [--files N] [--largest BYTES] [--quota BYTES] [--seed N] [--json]`
import { parseArgs } from 'node:util'
import { soak } from './soak/soak.ts'

const { values } = parseArgs({
  options: {
    downloads: { type: 'string', default: '2000' },
    /** Different files on the Hub: by their number and size the stores overflow. */
    files: { type: 'string', default: '400' },
    largest: { type: 'string', default: String(200 * 2 ** 20) },
    quota: { type: 'string', default: String(2 ** 30) },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const started = performance.now()
const report = await soak({
  downloads: Number(values.downloads),
  files: Number(values.files),
  largest: Number(values.largest),
  quota: Number(values.quota),
  daemons: 3,
  restartEvery: 50,
  seed: Number(values.seed),
  restMs: 30_000,
  say: (line) => process.stderr.write(`${line}\n`),
})
const seconds = (performance.now() - started) / 1000
if (values.json) process.stdout.write(`${JSON.stringify({ ...report, seconds })}\n`)
else {
  const mega = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  process.stdout.write(
    `${report.downloads} downloads, ${mega(report.bytes)} in ${seconds.toFixed(0)} s; ${report.wrong.length} wrong; ` +
      `${report.restarts} restarts, ${report.kills} of them kills; the Hub sent each file ${report.copies.toFixed(3)} times; ` +
      `stores took at most ${mega(report.mostStored)}; ${report.leaked.length} files leaked\n`,
  )
  for (const { first, most, last } of report.footprints)
    process.stdout.write(
      `memory ${mega(first.residentBytes)}, at most ${mega(most.residentBytes)}, in the end ${mega(last.residentBytes)}; ` +
        `handles ${first.handles}, ${most.handles}, ${last.handles}\n`,
    )
  for (const line of [...report.wrong, ...report.leaked]) process.stdout.write(`${line}\n`)
}
process.exit(report.wrong.length + report.leaked.length === 0 ? 0 : 1)
