// What a download over a link costs in CPU time, beside curl, aria2c and hf: two network namespaces, and a shaped link between them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { BedNetwork } from '../test/support/bed/network.ts'
import { startBenchHub } from './bench/bench-hub.ts'
import { aria2, type Contender, curl, dfhf, dfhfBinaries, huggingfaceHub } from './bench/contenders.ts'
import { measure } from './bench/measure.ts'
import { type DownloadRow, downloadTable, machineLine, writeFigures } from './bench/report.ts'
import { measureRounds } from './bench/rounds.ts'

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
  const binaries = await dfhfBinaries(values.dfhf)
  const work = mkdtempSync(join(tmpdir(), 'dfhf-bench-link-'))
  const tables: { readonly mbit: number; readonly rows: readonly DownloadRow[] }[] = []
  try {
    for (const mbit of values.mbit.map(Number)) {
      process.stdout.write(`${values.size} over ${mbit} Mbit/s; ${machineLine()}\n\n`)
      const rows = await measureLink(size, mbit, binaries, work)
      tables.push({ mbit, rows })
      process.stdout.write(`${downloadTable(rows)}\n`)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  writeFigures(values.json, { size, rounds: Number(values.rounds), tables })
}

async function measureLink(
  size: number,
  mbit: number,
  binaries: readonly string[],
  work: string,
): Promise<DownloadRow[]> {
  await using network = await BedNetwork.open()
  const hubNode = await network.addNode({ mbit, addresses: 2 })
  const host = await network.addNode({ mbit })
  await sendPacketByPacket(hubNode.namespace)
  await using hub = await startBenchHub(size, { place: { ...hubNode, clientPrefix: host.prefix } })
  const ours = binaries.flatMap((binary, index) => {
    const name = index === 0 ? 'dfhf download' : `dfhf download (${binary})`
    const one = ['--connections', '1']
    return [dfhf(binary, hub, { name }), dfhf(binary, hub, { name: `${name} --connections 1`, flags: one })]
  })
  const others = [
    ...(Bun.which('aria2c') ? [aria2(hub)] : []),
    ...(Bun.which('curl') ? [curl(hub)] : []),
    ...(Bun.which('python3') ? [await huggingfaceHub(hub)] : []),
    // Over a link all take the same time: what dfhf may take of it is no question here.
  ].map(({ name, isVerified, fetch }): Contender => ({ name, isVerified, fetch }))
  const isWanted = ({ name }: Contender) => values.only?.some((word) => name.includes(word)) ?? true
  return await measureRounds([...ours, ...others].filter(isWanted), {
    rounds: Number(values.rounds),
    folder: work,
    size,
  })
}

/** Between namespaces 64 KiB may come at once; a network card hands on a few packets at a time, and that is what costs. */
async function sendPacketByPacket(namespace: string): Promise<void> {
  const limit = ['gso_max_size', '6000', 'gso_max_segs', '4']
  await measure(['ip', '-n', namespace, 'link', 'set', 'dev', 'eth0', ...limit], {
    PATH: process.env.PATH ?? '',
  })
}
