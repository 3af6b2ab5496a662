// Measures dfhf against what people use, on this machine, in one run: `npm run bench -- --help` lists the options.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { type BenchHub, fileName, startBenchHub } from './bench/bench-hub.ts'
import { aria2, type Contender, curl, dfhf, dfhfBinaries, huggingfaceHub } from './bench/contenders.ts'
import { type Cost, measure, median } from './bench/measure.ts'
import { downloadTable, machineLine, megabytes, table, writeFigures } from './bench/report.ts'
import { measureRounds } from './bench/rounds.ts'

const usage = `npm run bench -- [options]
  --size SIZE      of the file (default 2GiB)
  --rounds N       how often each way is measured; the middle one counts (default 3)
  --nginx          has nginx send the bytes, which takes less of the machine than the Hub's own process
  --tls            the same by TLS, with a made certificate
  --folder PATH    where the files go (default: the system's temporary folder)
  --dfhf PATH      the program; again for a second one to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --only WORD      only contenders with this word in their name, besides dfhf; may be repeated
  --json FILE      writes all figures there
`

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '2GiB' },
    rounds: { type: 'string', default: '3' },
    nginx: { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
    dfhf: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const CACHED_RUNS = 15

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const size = parseSize(values.size)
  const rounds = Number(values.rounds)
  const work = mkdtempSync(join(resolve(values.folder), 'dfhf-bench-'))
  const fromNginx = values.tls ? 'nginx by TLS' : 'nginx'
  const sender = values.nginx || values.tls ? fromNginx : 'hub'
  await using hub = await startBenchHub(size, { sender })
  try {
    const contenders = await findContenders(hub)
    const from = sender === 'hub' ? 'a Hub' : `a Hub with ${sender}`
    say(
      `${values.size} from ${from} on this machine into ${values.folder}, ${rounds} rounds; ${machineLine()}\n\n`,
    )
    const downloads = await measureRounds(contenders, { rounds, folder: work, warmsUp: true, size })
    say(`${downloadTable(downloads)}\n`)
    const cached = await measureCached(contenders, hub, work)
    say(cachedTable(cached))
    writeFigures(values.json, { size, rounds, sender, downloads, cached })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function findContenders(hub: BenchHub): Promise<Contender[]> {
  const binaries = await dfhfBinaries(values.dfhf)
  const ours = binaries.map((binary, index) =>
    dfhf(binary, hub, index === 0 ? {} : { name: `dfhf download (${binary})` }),
  )
  const others: Contender[] = []
  const isWanted = (name: string) => values.only?.some((word) => name.includes(word)) ?? true
  for (const [program, create] of [
    ['aria2c', aria2],
    ['curl', curl],
    ['python3', huggingfaceHub],
  ] as const) {
    if (!isWanted(program)) continue
    if (Bun.which(program)) others.push(await create(hub))
    else say(`${program} is not installed: left out\n`)
  }
  return [...ours, ...others]
}

interface CachedRow {
  readonly name: string
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMemory: number
}

/** A file that is in the cache already, start to exit, beside what the Hub itself takes to answer for it. */
async function measureCached(
  contenders: readonly Contender[],
  hub: BenchHub,
  work: string,
): Promise<CachedRow[]> {
  const rows: CachedRow[] = [await measureAnswer(hub)]
  for (const { name, fetch, fetchAgain } of contenders) {
    if (!fetchAgain) continue
    const folder = join(work, 'cached')
    mkdirSync(folder)
    await fetch(folder)
    const costs: Cost[] = []
    for (let run = 0; run < CACHED_RUNS; run += 1) costs.push(await fetchAgain(folder))
    rmSync(folder, { recursive: true })
    rows.push({
      name: `${name}, cached`,
      wallMs: median(costs.map((cost) => cost.wallMs)),
      cpuMs: median(costs.map((cost) => cost.cpuMs)),
      peakMemory: Math.max(...costs.map((cost) => cost.peakMemory)),
    })
  }
  return rows
}

/** What one HEAD takes, as curl measures it from inside. */
async function measureAnswer(hub: BenchHub): Promise<CachedRow> {
  const times: number[] = []
  for (let run = 0; run < CACHED_RUNS; run += 1) {
    const { stdout } = await measure(
      ['curl', '-sfI', '-o', '/dev/null', '-w', '%{time_total}', hub.fileUrl],
      { CURL_CA_BUNDLE: hub.caFile ?? '' },
    )
    times.push(Number(stdout) * 1000)
  }
  return { name: "the Hub's answer to one HEAD", wallMs: median(times), cpuMs: 0, peakMemory: 0 }
}

function cachedTable(rows: readonly CachedRow[]): string {
  return table(
    [`${fileName} is there already`, 'time', 'CPU time', 'peak memory'],
    rows.map((row) => [
      row.name,
      `${row.wallMs.toFixed(1)} ms`,
      row.cpuMs === 0 ? '' : `${row.cpuMs.toFixed(0)} ms`,
      row.peakMemory === 0 ? '' : megabytes(row.peakMemory),
    ]),
  )
}

function say(text: string): void {
  process.stdout.write(text)
}
