// A dataset of many small files, from a Hub that is near and from one that is 40 ms away: dfhf against hf, in one run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { dfhfBinary } from '../test/support/program/binary.ts'
import { clientVersions } from '../test/support/python/client-versions.ts'
import { clientEnv } from '../test/support/python/run-python.ts'
import { ensureVenv } from '../test/support/python/venv.ts'
import { type Cost, measure } from './bench/measure.ts'
import { type DownloadRow, downloadTable, toRow } from './bench/report.ts'
import { type SmallFilesHub, smallRepo, startSmallFilesHub } from './bench/small-files.ts'

const usage = `bun scripts/bench-small.ts [options]
  --files N        in the dataset (default 1114)
  --delay MS       before each answer of the Hub; may be repeated (default 0 and 40)
  --rounds N       how often each way is measured; the middle one counts (default 3)
  --folder PATH    where the files go (default: the system's temporary folder)
  --dfhf PATH      the program; again for others to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --no-hf          leaves hf out
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
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** The most of hf's time that dfhf may take. */
const GOAL = 0.25

interface Client {
  readonly name: string
  readonly isVerified: boolean
  readonly goal?: number
  fetch(folder: string, hub: SmallFilesHub): Promise<Cost>
}

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const work = mkdtempSync(join(resolve(values.folder), 'dfhf-bench-'))
  const clients = await findClients()
  const tables: { readonly delayMs: number; readonly rows: readonly DownloadRow[] }[] = []
  try {
    for (const delayMs of values.delay.map(Number)) {
      await using hub = await startSmallFilesHub(Number(values.files), delayMs)
      process.stdout.write(
        `${values.files} files, ${(hub.size / 1e6).toFixed(1)} MB, ${delayMs} ms to the Hub; ${machine()}\n\n`,
      )
      const rows = await measureAll(clients, hub, work)
      process.stdout.write(`${downloadTable(rows)}\n`)
      tables.push({ delayMs, rows })
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  if (values.json === undefined) return
  const about = {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    files: Number(values.files),
  }
  writeFileSync(values.json, `${JSON.stringify({ ...about, tables }, undefined, 2)}\n`)
}

/** Every client once a round, in turn, each into a fresh folder and with nothing left to write from before. */
async function measureAll(
  clients: readonly Client[],
  hub: SmallFilesHub,
  work: string,
): Promise<DownloadRow[]> {
  const costs = new Map<Client, Cost[]>(clients.map((client) => [client, []]))
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const client of clients) {
      // Removed at the end alone: ext4 does not take the inodes of files that went a moment ago, and searches for others.
      const folder = mkdtempSync(join(work, 'target-'))
      await measure(['sync'], {})
      const cost = await client.fetch(folder, hub)
      costs.get(client)?.push(cost)
      process.stderr.write(`round ${round}: ${client.name} ${Math.round(cost.wallMs)} ms\n`)
    }
  }
  const [first] = clients
  const ours = first && costs.get(first)
  return clients.map((client) => toRow(client, costs.get(client) ?? [], client === first ? undefined : ours))
}

async function findClients(): Promise<Client[]> {
  const binaries = values.dfhf.length > 0 ? values.dfhf : [await dfhfBinary()]
  const ours = binaries.map((binary, index) => dfhfClient(resolve(binary), index))
  return values['no-hf'] ? ours : [...ours, await hfClient()]
}

function dfhfClient(binary: string, index: number): Client {
  return {
    name: index === 0 ? 'dfhf snapshot' : `dfhf snapshot (${binary})`,
    isVerified: true,
    fetch: (folder, hub) =>
      measure([binary, 'snapshot', `datasets/${smallRepo}`, '--quiet'], {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        HF_HOME: join(folder, 'hf'),
        HF_ENDPOINT: hub.url,
      }),
  }
}

async function hfClient(): Promise<Client> {
  const python = await ensureVenv('hub-1', clientVersions['hub-1'])
  return {
    name: 'hf download',
    isVerified: false,
    goal: GOAL,
    fetch: (folder, hub) =>
      measure(
        [join(python, '../hf'), 'download', smallRepo, '--repo-type', 'dataset', '--quiet'],
        clientEnv({ endpoint: hub.url, home: folder }),
      ),
  }
}

function machine(): string {
  const cores = cpus()
  const load = loadavg()[0]?.toFixed(1)
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, load ${load}`
}
