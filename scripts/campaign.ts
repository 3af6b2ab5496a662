// Seeded runs that mix faults and lies. `npm run campaign -- [--runs N] [--from N] [--seed N] [--jobs N] [--slack N] [--hostile KIND,...] [--report] [--keep] [--json]`
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dfhfBinary } from '../test/support/program/binary.ts'
import { hostileKinds } from './campaign/hostile/kinds.ts'
import { outcomeLines, summary } from './campaign/report.ts'
import { type Outcome, runSeed } from './campaign/run.ts'

const { values } = parseArgs({
  options: {
    /** How many runs, one for each seed. */
    runs: { type: 'string', default: '100' },
    /** The first seed. */
    from: { type: 'string', default: '1' },
    /** This one run alone. */
    seed: { type: 'string' },
    /** Runs at the same time. */
    jobs: { type: 'string', default: '1' },
    /** Multiplies all time limits, for a machine that has other work. */
    slack: { type: 'string', default: '1' },
    /** Hostile peers in place of those that the seed says; comma-separated, empty for none. */
    hostile: { type: 'string' },
    /** Tells times, but judges none. */
    report: { type: 'boolean', default: false },
    /** Keeps the folders of good runs, too. */
    keep: { type: 'boolean', default: false },
    /** One JSON object a run on stdout, and one for all. */
    json: { type: 'boolean', default: false },
  },
})

const seeds =
  values.seed === undefined
    ? Array.from({ length: Number(values.runs) }, (_, index) => Number(values.from) + index)
    : [Number(values.seed)]
const root = mkdtempSync(join(tmpdir(), 'dfhf-campaign-'))
const outcomes: Outcome[] = []

const hostiles =
  values.hostile === undefined
    ? undefined
    : hostileKinds.filter((kind) => names(values.hostile).includes(kind))

function names(text = ''): string[] {
  return text.split(',')
}

async function work(slot: number): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const outcome = await runSeed(seed, {
      root,
      slot,
      slack: Number(values.slack),
      onlyReportsTimes: values.report,
      keepsFolders: values.keep,
      hostiles,
    })
    outcomes.push(outcome)
    process.stdout.write(values.json ? `${JSON.stringify(outcome)}\n` : outcomeLines(outcome))
  }
}

await dfhfBinary()
await Promise.all(Array.from({ length: Math.min(Number(values.jobs), 100) }, (_, slot) => work(slot)))
const failed = outcomes.filter(({ findings }) => findings.length > 0).length
process.stdout.write(
  values.json ? `${JSON.stringify({ runs: outcomes.length, failed })}\n` : summary(outcomes),
)
if (failed === 0 && !values.keep) rmdirSync(root)
process.exit(failed === 0 ? 0 : 1)
