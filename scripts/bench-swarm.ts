// Measures the swarm in the bed of network namespaces: bytes from the Hub, and time against what the links allow.
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
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

const columns = [
  'scenario',
  'hosts',
  'Hub / size',
  'wire / size',
  'last',
  'last / bound',
  'cpu',
  'cpu / GiB',
  'load before',
]

/** CPU time is that of all hosts, and a GiB one that reached a host. */
function cells(figures: SwarmFigures, load: number): string[] {
  const { scenario, hosts, hubRatio, wireRatio, lastMs, boundMs, cpuMs } = figures
  const mebibytes = hosts * setting.mib
  return [
    scenario,
    String(hosts),
    hubRatio.toFixed(3),
    wireRatio.toFixed(3),
    `${(lastMs / 1000).toFixed(1)} s`,
    (lastMs / boundMs).toFixed(3),
    `${(cpuMs / 1000).toFixed(1)} s`,
    `${((cpuMs / 1000) * (1024 / mebibytes)).toFixed(2)} s`,
    load.toFixed(1),
  ]
}

function say(row: readonly string[]): void {
  process.stdout.write(`| ${row.join(' | ')} |\n`)
}

const { hosts, mib, link, hub } = values
const setting = { hosts: Number(hosts), mib: Number(mib), linkMbit: Number(link), hubMbit: Number(hub) }
const figures: SwarmFigures[] = []
process.stdout.write(`${mib} MiB, links of ${link} Mbit/s, the Hub's of ${hub} Mbit/s\n\n`)
say(columns)
say(columns.map(() => '---'))
for (const [name, measure] of Object.entries(scenarios)) {
  if (values.only && !values.only.includes(name)) continue
  const [load = 0] = loadavg()
  const result = await measure(setting)
  figures.push(result)
  say(cells(result, load))
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ setting, figures }, undefined, 2)}\n`)
