// What a download over a link costs in CPU time, beside curl and aria2c: two network namespaces, and a shaped link between them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { BedNetwork } from '../test/support/bed/network.ts'
import { dfhfBinary } from '../test/support/program/binary.ts'
import { startBenchHub } from './bench/bench-hub.ts'
import { aria2, type Contender, curl, dfhf } from './bench/contenders.ts'
import { type LinkRow, linkTable, toLinkRow } from './bench/link-report.ts'
import { type Cost, measure } from './bench/measure.ts'

const usage = `bun scripts/bench-link.ts [options]    (Linux, as root)
  --size SIZE      of the file (default 100MiB)
  --mbit N         of the link, again for a second table (default 100)
  --rounds N       how often each way is measured; the middle one counts (default 3)
  --dfhf PATH      the program; again for a second one to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --only WORD      only contenders with this word in their name; may be repeated
  --json FILE      writes all figures there
`

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '100MiB' },
    mbit: { type: 'string', multiple: true, default: ['100'] },
    rounds: { type: 'string', default: '3' },
    dfhf: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const size = parseSize(values.size)
  const binaries = values.dfhf.length > 0 ? values.dfhf : [await dfhfBinary()]
  const tables: { readonly mbit: number; readonly load: number; readonly rows: readonly LinkRow[] }[] = []
  for (const mbit of values.mbit.map(Number)) {
    const [load = 0] = loadavg()
    process.stdout.write(
      `${values.size} over ${mbit} Mbit/s; ${cpus().length} cores, load ${load.toFixed(1)}\n\n`,
    )
    const rows = await measureLink(size, mbit, binaries)
    tables.push({ mbit, load, rows })
    process.stdout.write(`${linkTable(rows)}\n`)
  }
  const about = { date: new Date().toISOString().slice(0, 10), size, rounds: Number(values.rounds) }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ ...about, tables }, undefined, 2)}\n`)
}

async function measureLink(size: number, mbit: number, binaries: readonly string[]): Promise<LinkRow[]> {
  await using network = await BedNetwork.open()
  const hubNode = await network.addNode({ mbit, addresses: 2 })
  const host = await network.addNode({ mbit })
  await sendPacketByPacket(hubNode.namespace)
  await using hub = await startBenchHub(size, { ...hubNode, clientPrefix: host.prefix })
  const ours = binaries.flatMap((binary, index) => {
    const name = index === 0 ? 'dfhf download' : `dfhf download (${binary})`
    const one = ['--connections', '1']
    return [dfhf(resolve(binary), hub, name), dfhf(resolve(binary), hub, `${name} --connections 1`, one)]
  })
  const others = [...(Bun.which('aria2c') ? [aria2(hub)] : []), ...(Bun.which('curl') ? [curl(hub)] : [])]
  const isWanted = ({ name }: Contender) => values.only?.some((word) => name.includes(word)) ?? true
  const contenders = [...ours, ...others].filter(isWanted)
  const costs = await measureInTurn(contenders, Number(values.rounds))
  return contenders.map(({ name }) => toLinkRow(name, size, costs.get(name) ?? []))
}

/** Between namespaces 64 KiB may come at once; a network card hands on a few packets at a time, and that is what costs. */
async function sendPacketByPacket(namespace: string): Promise<void> {
  const limit = ['gso_max_size', '6000', 'gso_max_segs', '4']
  await measure(['ip', '-n', namespace, 'link', 'set', 'dev', 'eth0', ...limit], {
    PATH: process.env.PATH ?? '',
  })
}

/** Every contender once a round, each into a fresh folder. */
async function measureInTurn(
  contenders: readonly Contender[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Cost[]>> {
  const costs = new Map<string, Cost[]>(contenders.map(({ name }) => [name, []]))
  const work = mkdtempSync(join(tmpdir(), 'dfhf-bench-link-'))
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, fetch } of contenders) {
        const folder = join(work, 'target')
        mkdirSync(folder)
        const cost = await fetch(folder)
        rmSync(folder, { recursive: true })
        costs.get(name)?.push(cost)
        const { cpuMs, wallMs } = cost
        process.stderr.write(
          `round ${round}: ${name} ${Math.round(cpuMs)} ms CPU in ${Math.round(wallMs)} ms\n`,
        )
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return costs
}
