import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
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
  --uploads N       ranges that a host sends at once                 10
  --peer-slots N    ranges that a host fetches from others at once   8
  --busy-pause MS   how long a host that has no upload free is left alone   150
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
    uploads: { type: 'string', default: '10' },
    'peer-slots': { type: 'string', default: '8' },
    'busy-pause': { type: 'string', default: '150' },
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

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const rules = new Map<string, DecisionCode>()
  for (const rule of values.rule.split(',')) rules.set(rule, await loadDecisionCode(rule))
  const results: RunResult[] = []
  if (!values.json) process.stdout.write(`${tableRow()}\n`)
  for (const { hub, ...combination } of combinations(rules)) {
    const result = simulate({
      ...combination,
      size: single(values.size) * MIB,
      hubRate: hub * MBIT_PER_S,
      linkRate: single(values.link) * MBIT_PER_S,
      uploads: single(values.uploads),
      peerSlots: single(values['peer-slots']),
      busyPauseMs: single(values['busy-pause']),
    })
    results.push(result)
    process.stdout.write(`${values.json ? JSON.stringify(result) : tableRow(result)}\n`)
  }
  if (values.svg !== undefined) await writeFile(values.svg, plot(results))
}

await main()
