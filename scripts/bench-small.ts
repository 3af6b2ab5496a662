// A dataset of many small files, from a Hub that is near and from one that is 40 ms away: dfhf against hf, in one run.
// From a neighbour that has them: against one file with as many bytes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { clientVersions } from '../test/support/python/client-versions.ts'
import { clientEnv } from '../test/support/python/run-python.ts'
import { ensureVenv } from '../test/support/python/venv.ts'
import { type Contender, dfhf, dfhfBinaries } from './bench/contenders.ts'
import { measure } from './bench/measure.ts'
import { startNeighbour } from './bench/neighbour.ts'
import { type DownloadRow, downloadTable, machineLine, writeFigures } from './bench/report.ts'
import { measureRounds } from './bench/rounds.ts'
import { bigRepo, type SmallFilesHub, smallRepo, startSmallFilesHub } from './bench/small-files.ts'

const usage = `bun scripts/bench-small.ts [options]
  --files N        in the dataset (default 1114)
  --delay MS       before each answer of the Hub; may be repeated (default 0 and 40)
  --rounds N       how often each way is measured; the middle one counts (default 3)
  --folder PATH    where the files go (default: the system's temporary folder)
  --dfhf PATH      the program; again for others to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --no-hf          leaves hf out
  --neighbour      takes them from a daemon on this machine instead, beside one file with as many bytes
  --json FILE      writes all figures there
`

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1114' },
    delay: { type: 'string', multiple: true, default: ['0', '40'] },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
    dfhf: { type: 'string', multiple: true, default: [] },
    'no-hf': { type: 'boolean', default: false },
    neighbour: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** The most of hf's time that dfhf may take. */
const GOAL = 0.25
/** The most of the time for one file with as many bytes that the small ones of a neighbour may take. */
const NEIGHBOUR_GOAL = 2

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const work = mkdtempSync(join(resolve(values.folder), 'dfhf-bench-'))
  const rounds = Number(values.rounds)
  const files = Number(values.files)
  const tables: { readonly delayMs: number; readonly rows: readonly DownloadRow[] }[] = []
  try {
    for (const delayMs of values.delay.map(Number)) {
      await using hub = await startSmallFilesHub(files, delayMs)
      await using stack = new AsyncDisposableStack()
      process.stdout.write(
        `${files} files, ${(hub.size / 1e6).toFixed(1)} MB, ${delayMs} ms to the Hub; ${machineLine()}\n\n`,
      )
      const contenders = values.neighbour ? await fromNeighbour(hub, stack) : await findContenders(hub)
      const rows = await measureRounds(contenders, {
        rounds,
        folder: work,
        keepsFolders: true,
      })
      process.stdout.write(`${downloadTable(rows)}\n`)
      tables.push({ delayMs, rows })
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  writeFigures(values.json, { files, rounds, tables })
}

async function findContenders(hub: SmallFilesHub): Promise<Contender[]> {
  const ours = (await dfhfBinaries(values.dfhf)).map((binary, index) =>
    dfhf(
      binary,
      { url: hub.url, clientPrefix: [] },
      {
        name: index === 0 ? 'dfhf snapshot' : `dfhf snapshot (${binary})`,
        command: ['snapshot', `datasets/${smallRepo}`],
      },
    ),
  )
  return values['no-hf'] ? ours : [...ours, await hf(hub)]
}

/** The files, by each program from the first one's daemon, and then one file with as many bytes. */
async function fromNeighbour(hub: SmallFilesHub, stack: AsyncDisposableStack): Promise<Contender[]> {
  const binaries = await dfhfBinaries(values.dfhf)
  const repos = [smallRepo, bigRepo].map((repo) => `datasets/${repo}`)
  const { address } = stack.use(await startNeighbour(binaries[0], hub.url, repos))
  const flags = ['--seeds', address, '--no-multicast']
  const [small = '', big = ''] = repos
  const contender = (binary: string, repo: string, name: string) =>
    dfhf(binary, { url: hub.url, clientPrefix: [] }, { name, command: ['snapshot', repo], flags })
  return [
    ...binaries.map((binary, index) =>
      contender(binary, small, index === 0 ? 'dfhf snapshot' : `dfhf snapshot (${binary})`),
    ),
    { ...contender(binaries[0], big, 'dfhf snapshot, one file'), goal: NEIGHBOUR_GOAL },
  ]
}

async function hf(hub: SmallFilesHub): Promise<Contender> {
  const python = await ensureVenv('hub-1', clientVersions['hub-1'])
  return {
    name: 'hf download',
    isVerified: false,
    goal: GOAL,
    fetch: (folder) =>
      measure(
        [join(python, '../hf'), 'download', smallRepo, '--repo-type', 'dataset', '--quiet'],
        clientEnv({ endpoint: hub.url, home: folder }),
      ),
  }
}
