import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { FaultMatch } from '../../support/hub/faults.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'

setDefaultTimeout(90_000)

const repo = {
  id: 'o/r',
  commits: [{ 'a.txt': 'a\n', 'b.bin': { seed: 'b', size: 300_000, lfs: true }, 'c.txt': 'c\n' }],
}
const patience = { DFHF_RATE_LIMIT_PATIENCE: '2' }

describe('a Hub that limits requests for good, without a word of when', () => {
  const limits: readonly [name: string, match: FaultMatch, args: readonly string[]][] = [
    ['for one file', { kind: 'resolve' }, ['download', 'o/r', 'a.txt']],
    ['for the files of a snapshot', { kind: 'resolve' }, ['snapshot', 'o/r']],
    ['for the list of files', { kind: 'tree' }, ['snapshot', 'o/r']],
    ['for the revision', { kind: 'info' }, ['snapshot', 'o/r']],
    ['on its CDN', { side: 'cdn' }, ['download', 'o/r', 'b.bin']],
  ]
  test.concurrent.each(limits)('is given up with the time that was waited (%s)', async (_, match, args) => {
    await using hub = await startTestHub({ repos: [repo] })
    const limit = hub.addFault({ match, status: 429 })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, args, { env: patience })
    expect(result.code, result.stderr).toBe(6)
    const lines = result.stderr.trimEnd().split('\n')
    expect(lines.at(-1)).toMatch(
      /^dfhf: error: (?:\S+ of o\/r: )?127\.\S+ limits requests and let none through for \d+ s; try again later/,
    )
    expect(result.stdout).toBe('')
    limit.remove()
    const again = await runDfhf(machine, args, { env: patience })
    expect(again.code, again.stderr).toBe(0)
  })

  test.concurrent('is not given up while it lets requests through in between', async () => {
    const names = Array.from({ length: 6 }, (_, at) => `f${at}.txt`)
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [Object.fromEntries(names.map((name) => [name, name]))] }],
    })
    for (const name of names)
      hub.addFault({ match: { kind: 'resolve', target: `/${name}$` }, status: 429, times: 1 })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--max-workers', '1'], { env: patience })
    expect(result.code, result.stderr).toBe(0)
    // One file after the other was refused once: together for longer than the patience.
    const times = hub.requests.filter(({ status }) => status === 429).map(({ startedMs }) => startedMs)
    expect(times.length).toBe(names.length)
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(2_000)
  })

  test.concurrent('has no patience that is no number', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'], { env: { DFHF_RATE_LIMIT_PATIENCE: 'soon' } })
    expect(result.code).toBe(2)
    expect(result.stderr).toContain("DFHF_RATE_LIMIT_PATIENCE: 'soon' is no number of seconds")
  })
})
