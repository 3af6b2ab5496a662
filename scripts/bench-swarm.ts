// Measures the swarm in the bed of network namespaces: bytes from the Hub, and time against what the links allow.
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { machineLine, seconds, table, writeFigures } from './bench/report.ts'
import { type SwarmFigures, scenarios } from './bench/swarm-scenarios.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '8' },
    mib: { type: 'string', default: '200' },
    link: { type: 'string', default: '200' },
    hub: { type: 'string', default: '100' },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
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

const setting = {
  hosts: Number(values.hosts),
  mib: Number(mib),
  linkMbit: Number(link),
  hubMbit: Number(hub),
}
const figures: SwarmFigures[] = []
const rows: string[][] = []
process.stdout.write(`${mib} MiB, links of ${link} Mbit/s, the Hub's of ${hub} Mbit/s; ${machineLine()}\n\n`)
for (const [name, measure] of Object.entries(scenarios)) {
  if (values.only && !values.only.includes(name)) continue
  const [load = 0] = loadavg()
  const result = await measure(setting)
  figures.push(result)
  rows.push(cells(result, load))
  process.stderr.write(`${rows.at(-1)?.join(', ')}\n`)
}
process.stdout.write(table(columns, rows))
writeFigures(values.json, { setting, figures })
