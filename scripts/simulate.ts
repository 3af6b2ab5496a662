import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { BUSY_PEER_PAUSE_MS, PEER_SLOTS, UPLOADS, WATCHERS } from '../src/schedule/tuning.ts'
import { type DecisionCode, loadDecisionCode } from './simulate/decision-code.ts'
import { plot } from './simulate/plot.ts'
import { type RunResult, simulate } from './simulate/run.ts'
import { scenarios } from './simulate/scenario.ts'
import { tableRow } from './simulate/table.ts'

const MBIT_PER_S = 125
const MIB = 2 ** 20

const usage = `usage: npm run simulate -- [options]   (a value may be a list: --peers 10,100)

  --peers N         peers of the swarm                               10,100,1000
  --size MIB        size of the blob                                 200
  --hub MBIT        the Hub's uplink in Mbit/s                       100
  --link MBIT       each host's link in Mbit/s, both directions      200
  --seed N          of the random numbers; the same seed, the same run   1
  --scenario NAME   ${Object.keys(scenarios).join(', ')}
  --rule NAME       current, or a git revision whose rules to run instead: --rule current,HEAD~3
  --news MS         until all others know of a host that was found   20
  --watchers N      hosts that may listen to one host's news         ${WATCHERS}
  --uploads N       ranges that a host sends at once                 ${UPLOADS}
  --peer-slots N    ranges that a host fetches from others at once   ${PEER_SLOTS}
  --busy-pause MS   how long a host that has no upload free is left alone   ${BUSY_PEER_PAUSE_MS}
  --json            one JSON object a run instead of a table
  --svg FILE        draws the results
`

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '10,100,1000' },
    size: { type: 'string', default: '200' },
    hub: { type: 'string', default: '100' },
    link: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    scenario: { type: 'string', default: 'together' },
    rule: { type: 'string', default: 'current' },
    news: { type: 'string' },
    watchers: { type: 'string' },
    uploads: { type: 'string' },
    'peer-slots': { type: 'string' },
    'busy-pause': { type: 'string' },
    json: { type: 'boolean', default: false },
    svg: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Every combination of what was given as lists, the peers varying quickest. */
function* combinations(rules: ReadonlyMap<string, DecisionCode>) {
  for (const [rule, code] of rules)
    for (const scenario of values.scenario.split(','))
      for (const hub of numbers(values.hub))
        for (const seed of numbers(values.seed))
          for (const peers of numbers(values.peers)) yield { rule, code, scenario, hub, seed, peers }
}

function numbers(list: string): number[] {
  return list.split(',').map((text) => {
    const value = Number(text)
    if (!(value > 0)) throw new Error(`not a number above 0: '${text}'`)
    return value
  })
}

function single(text: string): number {
  return numbers(text)[0] ?? 0
}

/** A number that each rule has of its own while none is given. */
function given(text: string | undefined): number | undefined {
  return text === undefined ? undefined : single(text)
}

async function load(rule: string): Promise<DecisionCode> {
  const { code, missing } = await loadDecisionCode(rule)
  if (missing.length > 0)
    process.stderr.write(`${rule} has no ${missing.join(', ')}: those of this checkout stand in\n`)
  return code
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const rules = new Map<string, DecisionCode>()
  for (const rule of values.rule.split(',')) rules.set(rule, await load(rule))
  const results: RunResult[] = []
  if (!values.json) process.stdout.write(`${tableRow()}\n`)
  for (const { hub, ...combination } of combinations(rules)) {
    const result = simulate({
      ...combination,
      size: single(values.size) * MIB,
      hubRate: hub * MBIT_PER_S,
      linkRate: single(values.link) * MBIT_PER_S,
      newsMs: given(values.news),
      watchers: given(values.watchers),
      uploads: given(values.uploads),
      peerSlots: given(values['peer-slots']),
      busyPauseMs: given(values['busy-pause']),
    })
    results.push(result)
    process.stdout.write(`${values.json ? JSON.stringify(result) : tableRow(result)}\n`)
  }
  if (values.svg !== undefined) await writeFile(values.svg, plot(results))
}

await main()
