// Measures the swarm in the bed of network namespaces: bytes from the Hub, and time against what the links allow.
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { dfhfBinaries } from './bench/contenders.ts'
import { machineLine, seconds, table, writeFigures } from './bench/report.ts'
import { type SwarmFigures, scenarios } from './bench/swarm-scenarios.ts'

const usage = `bun scripts/bench-swarm.ts [options]
  --hosts N        that want the file (default 8)
  --mib N          size of the file (default 200)
  --link MBIT      of each host, both ways (default 200)
  --hub MBIT       of the Hub (default 100)
  --only NAME      one scenario; may be repeated: ${Object.keys(scenarios).join(', ')}
  --rounds N       how often each is measured, each time a line (default 1)
  --dfhf PATH      the program; again for others to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --json FILE      writes all figures there
`

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '8' },
    mib: { type: 'string', default: '200' },
    link: { type: 'string', default: '200' },
    hub: { type: 'string', default: '100' },
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '1' },
    dfhf: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const { mib, link, hub } = values

const columns = [
  'scenario',
  'hosts',
  'Hub / size',
  'wire / size',
  'last',
  'last / bound',
  'CPU time',
  'CPU time a GiB',
  'load before',
]

function cells(figures: SwarmFigures, load: number): string[] {
  const { scenario, hosts, hubRatio, wireRatio, lastMs, boundMs, cpuMs } = figures
  return [
    scenario,
    String(hosts),
    hubRatio.toFixed(3),
    wireRatio.toFixed(3),
    seconds(lastMs),
    (lastMs / boundMs).toFixed(3),
    seconds(cpuMs),
    seconds((cpuMs * 1024) / (hosts * Number(mib))),
    load.toFixed(1),
  ]
}

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const setting = {
    hosts: Number(values.hosts),
    mib: Number(mib),
    linkMbit: Number(link),
    hubMbit: Number(hub),
  }
  const binaries = await dfhfBinaries(values.dfhf)
  const names = values.only ?? Object.keys(scenarios)
  const figures: (SwarmFigures & { readonly binary: string })[] = []
  const rows: string[][] = []
  process.stdout.write(
    `${mib} MiB, links of ${link} Mbit/s, the Hub's of ${hub} Mbit/s; ${machineLine()}\n\n`,
  )
  for (const name of names)
    for (let round = 0; round < Number(values.rounds); round += 1)
      for (const [index, binary] of binaries.entries()) {
        const measure = scenarios[name]
        if (!measure) throw new Error(`no scenario ${name}; there are ${Object.keys(scenarios).join(', ')}`)
        const [load = 0] = loadavg()
        const result = await measure({ ...setting, binary })
        const scenario = index === 0 ? result.scenario : `${result.scenario} (${binary})`
        figures.push({ ...result, binary })
        rows.push(cells({ ...result, scenario }, load))
        process.stderr.write(`${rows.at(-1)?.join(', ')}\n`)
      }
  process.stdout.write(table(columns, rows))
  writeFigures(values.json, { setting, figures })
}
