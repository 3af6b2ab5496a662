// Seeded runs that mix faults and lies. `npm run campaign -- [--runs N] [--from N] [--seed N] [--step N] [--jobs N] [--slack N] [--hostile KIND,...] [--report] [--keep] [--json]`
import { spawn } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
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
    /** The distance between two seeds. */
    step: { type: 'string', default: '1' },
    /** Runs at the same time, each in a process of its own: the Hub of one must not stand still while another compares bytes. */
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

const first = Number(values.seed ?? values.from)
const runs = values.seed === undefined ? Number(values.runs) : 1
const step = Number(values.step)
const jobs = Math.min(Number(values.jobs), runs, 100)

const binary = await dfhfBinary()
const outcomes = jobs > 1 ? await runInJobs() : await runHere()
const failed = outcomes.filter(({ findings }) => findings.length > 0).length
process.stdout.write(
  values.json ? `${JSON.stringify({ runs: outcomes.length, failed })}\n` : summary(outcomes),
)
process.exit(failed === 0 && outcomes.length === runs ? 0 : 1)

async function runHere(): Promise<Outcome[]> {
  const root = mkdtempSync(join(tmpdir(), 'dfhf-campaign-'))
  const names = values.hostile?.split(',')
  const done: Outcome[] = []
  for (let run = 0; run < runs; run += 1) {
    const outcome = await runSeed(first + run * step, {
      root,
      slot: 0,
      slack: Number(values.slack),
      onlyReportsTimes: values.report,
      keepsFolders: values.keep,
      hostiles: names && hostileKinds.filter((kind) => names.includes(kind)),
    })
    tell(outcome)
    done.push(outcome)
  }
  if (done.every(({ findings }) => findings.length === 0) && !values.keep) rmdirSync(root)
  return done
}

/** The jobs take the seeds in turn. */
async function runInJobs(): Promise<Outcome[]> {
  const done = await Promise.all(
    Array.from({ length: jobs }, async (_, job) => {
      const count = Math.ceil((runs - job) / jobs)
      const args = ['--json', '--from', first + job * step, '--runs', count, '--step', step * jobs]
      const others = [
        '--slack',
        values.slack,
        ...(values.hostile === undefined ? [] : ['--hostile', values.hostile]),
      ]
      const flags = (['report', 'keep'] as const).filter((name) => values[name]).map((name) => `--${name}`)
      const command = [import.meta.path, ...[...args, ...others].map(String), ...flags]
      const env = { ...process.env, DFHF_BINARY: binary }
      const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'inherit'] })
      const mine: Outcome[] = []
      for await (const line of createInterface(child.stdout)) {
        const outcome = JSON.parse(line) as Outcome | { readonly runs: number }
        if ('runs' in outcome) break
        tell(outcome)
        mine.push(outcome)
      }
      return mine
    }),
  )
  return done.flat()
}

function tell(outcome: Outcome): void {
  process.stdout.write(values.json ? `${JSON.stringify(outcome)}\n` : outcomeLines(outcome))
}
