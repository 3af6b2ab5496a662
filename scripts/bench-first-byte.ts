// How long a download takes from its start until it asks the Hub for the first bytes, with peers on and off.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startNode } from '../test/support/gateway/gateway-node.ts'
import { type BenchHub, startBenchHub } from './bench/bench-hub.ts'
import { dfhf, dfhfBinaries } from './bench/contenders.ts'
import { median } from './bench/measure.ts'
import { machineLine, table, writeFigures } from './bench/report.ts'
import { note } from './bench/rounds.ts'

const usage = `bun scripts/bench-first-byte.ts [options]
  --rounds N       how often each way is measured; the middle one counts (default 15)
  --delay MS       before each answer of the Hub; may be repeated (default 0 and 40)
  --dfhf PATH      the program; again for a second one to compare with the first (default: the one in DFHF_BINARY, or a new build)
  --json FILE      writes all figures there
`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    delay: { type: 'string', multiple: true, default: ['0', '40'] },
    dfhf: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Two pieces and more, so that the file is one that peers are asked for. */
const SIZE = 2 ** 23
/** The most ms that peers may cost. */
const GOAL_MS = 20

interface FirstByteRow {
  readonly name: string
  readonly delayMs: number
  /** The middle of all rounds. */
  readonly ms: number
  /** More than without peers, by the rounds' own differences. */
  readonly moreMs: number
}

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const rows: FirstByteRow[] = []
  for (const delayMs of values.delay.map(Number)) {
    await using hub = await startBenchHub(SIZE)
    await using neighbour = await startNode(hub.url, { seeds: [] })
    if (delayMs > 0) await hub.hub.order({ add: [{ delayMs }] })
    const seeds = ['--no-multicast', '--seeds', neighbour.peerAddress ?? '']
    const ways = {
      '--no-peers': ['--no-peers'],
      'as it comes, with nobody there': [],
      '--seeds of a neighbour that lacks the file': seeds,
    }
    for (const [index, binary] of (await dfhfBinaries(values.dfhf)).entries())
      for (const row of await measureWays(hub, binary, ways))
        rows.push({ ...row, delayMs, name: index === 0 ? row.name : `${row.name} (${binary})` })
  }
  process.stdout.write(`${machineLine()}\n\n`)
  process.stdout.write(
    table(
      ['', 'Hub answers after', 'start to first request for bytes', 'more than --no-peers', 'goal'],
      rows.map(({ name, delayMs, ms, moreMs }) => [
        name,
        `${delayMs} ms`,
        `${ms.toFixed(0)} ms`,
        name.startsWith('--no-peers') ? '' : `${moreMs.toFixed(0)} ms`,
        name.startsWith('as it comes') ? `≤ ${GOAL_MS} ms` : '',
      ]),
    ),
  )
  writeFigures(values.json, { rounds: Number(values.rounds), rows })
}

/** All ways once a round; the first one is the measure of the others. */
async function measureWays(
  hub: BenchHub,
  binary: string,
  ways: Readonly<Record<string, readonly string[]>>,
): Promise<Omit<FirstByteRow, 'delayMs'>[]> {
  const names = Object.keys(ways)
  const rounds: number[][] = []
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const times: number[] = []
    for (const name of names) times.push(await measureOnce(hub, binary, ways[name] ?? []))
    note(`round ${round}: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`)
    if (round > 0) rounds.push(times)
  }
  return names.map((name, index) => ({
    name,
    ms: median(rounds.map((times) => times[index] ?? 0)),
    moreMs: median(rounds.map((times) => (times[index] ?? 0) - (times[0] ?? 0))),
  }))
}

async function measureOnce(hub: BenchHub, binary: string, flags: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-bench-first-'))
  try {
    await hub.hub.resetStats()
    const startedAt = performance.timeOrigin + performance.now()
    await dfhf(binary, hub, { flags }).fetch(folder)
    const first = (await hub.hub.requests()).find(({ side, method }) => side === 'cdn' && method === 'GET')
    if (!first) throw new Error('the Hub was not asked for bytes')
    return first.startedMs - startedAt
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
