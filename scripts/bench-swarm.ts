// Measures the swarm in the bed of network namespaces: bytes from the Hub and time against what the links allow.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Bed } from '../test/bed/bed.ts'
import type { RunningDfhf } from '../test/bed/running-dfhf.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '8' },
    mib: { type: 'string', default: '200' },
    link: { type: 'string', default: '200' },
    hub: { type: 'string', default: '100' },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    log: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})
const hosts = Number(values.hosts)
const options = { hosts, mib: Number(values.mib), linkMbit: Number(values.link), hubMbit: Number(values.hub) }

interface Row {
  readonly scenario: string
  /** Bytes from the Hub over the blob's size. */
  readonly hubRatio: number
  /** The last host's time over the bound. */
  readonly timeRatio: number
  readonly lastMs: number
  readonly boundMs: number
}

function boundMs(count: number): number {
  const { mib, linkMbit, hubMbit } = options
  const mbit = (mib * 2 ** 20 * 8) / 1e6
  return 1000 * Math.max(mbit / hubMbit, mbit / linkMbit, (count * mbit) / (hubMbit + count * linkMbit))
}

async function measure(scenario: string, args: (bed: Bed) => readonly string[], count = hosts): Promise<Row> {
  await using bed = await Bed.open({ ...options, hosts: count })
  const startedAt = performance.now()
  const wireBefore = await bed.hubNode.bytesSent()
  const downloads: RunningDfhf[] = []
  for (const host of bed.hosts) downloads.push(bed.download(host, args(bed)))
  const ends = await Promise.all(
    downloads.map(async (download) => {
      await download.printed
      return performance.now() - startedAt
    }),
  )
  const results = await bed.finish(downloads)
  const exits = await Promise.all(downloads.map(({ exit }) => exit))
  const cpuMs = exits.reduce((sum, exit) => sum + exit.cpuMs, 0)
  const wire = (await bed.hubNode.bytesSent()) - wireBefore
  if (values.log !== undefined) await writeLog(values.log, scenario, bed, downloads, startedAt)
  const hubBytes = await bed.hubBytes()
  const used = results.reduce((sum, { bytes }) => sum + bytes.hub, 0)
  const lastMs = Math.max(...ends)
  const row = {
    scenario,
    hubRatio: hubBytes / bed.size,
    timeRatio: lastMs / boundMs(count),
    lastMs,
    boundMs: boundMs(count),
  }
  say(
    `${scenario.padEnd(24)} hub ${row.hubRatio.toFixed(3)} x (kept ${(used / bed.size).toFixed(3)}, wire ${(wire / bed.size).toFixed(3)})  ` +
      `first ${(Math.min(...ends) / 1000).toFixed(2)} s  last ${(lastMs / 1000).toFixed(2)} s = ${row.timeRatio.toFixed(3)} x bound  cpu ${(cpuMs / 1000).toFixed(1)} s`,
  )
  return row
}

async function writeLog(
  folder: string,
  scenario: string,
  bed: Bed,
  downloads: readonly RunningDfhf[],
  startedAt: number,
): Promise<void> {
  writeFileSync(`${folder}/${scenario}-requests.json`, JSON.stringify(await bed.hub.requests()))
  writeFileSync(`${folder}/${scenario}-start.json`, JSON.stringify(startedAt))
  for (const [index, download] of downloads.entries())
    writeFileSync(`${folder}/${scenario}-${index}.log`, (await download.exit).stderr)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const extra = values.verbose ? ['--verbose'] : []
const seeds = (bed: Bed) => bed.hosts.slice(0, 2).flatMap(({ addresses }) => addresses)
const scenarios: Readonly<Record<string, () => Promise<Row>>> = {
  multicast: () => measure('multicast', () => extra),
  seeds: () => measure('seeds', (bed) => ['--no-multicast', '--seeds', seeds(bed).join(), ...extra]),
  alone: () => measure('alone', () => extra, 1),
  'no-peers': () => measure('no-peers', () => ['--no-peers', ...extra], 1),
}
const rows: Row[] = []
for (const [name, run] of Object.entries(scenarios))
  if (!values.only || values.only.includes(name)) rows.push(await run())
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(rows, undefined, 2))
