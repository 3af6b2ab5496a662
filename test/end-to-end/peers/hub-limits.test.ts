import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { type RunOptions, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { isExact } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const env = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' }
const names = Array.from({ length: 60 }, (_, index) => `part-${index}`)
const files = Object.fromEntries(names.map((name) => [name, { seed: name, size: 3_000, lfs: true }]))
const repos = [
  { id: 'o/first', commits: [{ 'a.bin': { seed: 'a', size: 3_000, lfs: true } }] },
  { id: 'o/second', commits: [files] },
]
const generous = { api: 10_000, resolvers: 10_000, pages: 10_000, windowSeconds: 600 }

/** Requests for files of the second repo that the Hub refused. */
function refusals(hub: TestHub): number {
  return hub.requests.filter(({ status, target }) => status === 429 && target.includes('o/second')).length
}

/**
 * The count once it has grown above zero and stood still for 1.5 s: all that were under way are refused by then. That no
 * more come is no event.
 */
async function settled(count: () => number): Promise<number> {
  let last = 0
  for (let still = 0; still < 15; still += 1) {
    await Bun.sleep(100)
    if (count() === 0 || count() > last) still = 0
    last = count()
  }
  return last
}

/** How often the Hub refuses a node that begins while it limits requests, and that ends well once it does no more. */
async function refusedInAll(hub: TestHub, options: RunOptions): Promise<number> {
  using machine = newMachine(hub.url)
  // As far away as a real Hub: many requests are under way when the first is refused.
  hub.addFault({ match: { side: 'hub', target: 'o/second/resolve' }, delayMs: 300 })
  await using running = await startDfhf(machine, ['snapshot', 'o/second', '--json', '--quiet'], options)
  const count = await settled(() => refusals(hub))
  hub.rateLimit.quotas = generous
  hub.faults.clear()
  const { code, stdout, stderr } = await running.result
  expect(code, stderr).toBe(0)
  const { path } = JSON.parse(stdout) as { path: string }
  for (const name of names) expect(isExact(hub, join(path, name), name, 'o/second'), name).toBe(true)
  return count
}

test('a node that hears from a peer that the Hub limits requests is refused once, and ends well', async () => {
  await using hub = await startTestHub({ repos, quotas: { ...generous, resolvers: 0, windowSeconds: 4 } })
  using machine = newMachine(hub.url)
  const args = ['serve', '--listen', '127.0.0.1:0', '--gateway', '127.0.0.1:0']
  await using daemon = await startDfhf(machine, args, { env })
  const seed = `127.0.0.1:${await daemon.told(/to peers on port (\d+)\n/)}`
  const gateway = await daemon.told(/proxy on (http:\S+)\n/)
  const warming = fetch(`${gateway}/v1/warm`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ repo: 'o/first' }),
  })
  await hub.until((stats) => (stats.hub.statuses['429'] ?? 0) > 0)
  const shared = await refusedInAll(hub, { env: { ...env, DFHF_SEEDS: seed } })
  expect(shared).toBe(1)
  expect((await warming).status).toBe(200)
})

test('one that hears of nothing is refused with all that it asks at once', async () => {
  await using hub = await startTestHub({ repos, quotas: { ...generous, resolvers: 0, windowSeconds: 4 } })
  expect(await refusedInAll(hub, { env })).toBeGreaterThan(1)
})
