// What one process brings a second, checked, on one core and on two, in clear and by TLS, as one file and as eight.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { repo, startBenchHub } from './bench/bench-hub.ts'
import { dfhf, dfhfBinaries } from './bench/contenders.ts'
import { type DownloadRow, machineLine, megabytes, seconds, table, writeFigures } from './bench/report.ts'
import { measureRounds } from './bench/rounds.ts'

const usage = `bun scripts/bench-cores.ts [options]    (Linux with nginx)
  --size SIZE      of all files together (default 2GiB)
  --files N        in a repo, again for a second table (default 1 and 8)
  --cores LIST     on which dfhf may run, as taskset takes them; may be repeated (default 0 and 0,1)
  --rounds N       how often each way is measured; the middle one counts (default 3)
  --folder PATH    where the files go (default: the system's temporary folder)
  --dfhf PATH      the program; again for a second one to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --json FILE      writes all figures there
nginx may run on all cores, so that it takes its part of those that dfhf has.
`

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '2GiB' },
    files: { type: 'string', multiple: true, default: ['1', '8'] },
    cores: { type: 'string', multiple: true, default: ['0', '0,1'] },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
    dfhf: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

interface CoresRow extends DownloadRow {
  readonly sender: string
  readonly files: number
}

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const size = parseSize(values.size)
  const work = mkdtempSync(join(resolve(values.folder), 'dfhf-bench-'))
  const rows: CoresRow[] = []
  process.stdout.write(`${values.size} from nginx on this machine; ${machineLine()}\n\n`)
  try {
    for (const files of values.files.map(Number)) {
      for (const sender of ['nginx', 'nginx by TLS'] as const) {
        await using hub = await startBenchHub(size, { files, sender })
        const binaries = await dfhfBinaries(values.dfhf)
        const contenders = binaries.flatMap((binary, index) =>
          values.cores.map((cores) =>
            dfhf(binary, hub, {
              name: `cores ${cores}${index === 0 ? '' : ` (${binary})`}`,
              command: ['snapshot', repo],
              prefix: ['taskset', '-c', cores],
            }),
          ),
        )
        const options = { rounds: Number(values.rounds), folder: work, warmsUp: true, size }
        for (const row of await measureRounds(contenders, options)) rows.push({ ...row, sender, files })
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  process.stdout.write(coresTable(rows, size))
  writeFigures(values.json, { size, rows })
}

function coresTable(rows: readonly CoresRow[], size: number): string {
  return table(
    ['from', 'files', '', 'GB/s', 'time', 'CPU time a GiB', 'peak memory'],
    rows.map((row) => [
      row.sender,
      String(row.files),
      row.name,
      (size / row.wallMs / 1e6).toFixed(2),
      seconds(row.wallMs),
      seconds(row.cpuMsPerGiB ?? 0),
      megabytes(row.peakMemory),
    ]),
  )
}
