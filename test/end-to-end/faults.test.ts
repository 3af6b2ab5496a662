import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Fault } from '../support/hub/faults.ts'
import { variedRepo } from '../support/hub/fixtures.ts'
import { startTestHub, type TestHub, type TestHubOptions } from '../support/hub/test-hub.ts'
import { type RunResult, runDfhf, startDfhf } from '../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../support/program/cache-check.ts'
import { failureOf } from '../support/program/failure.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../support/program/weights.ts'

setDefaultTimeout(90_000)
const size = 12_000_000

function startHub(options: TestHubOptions = {}): Promise<TestHub> {
  return startTestHub({ repos: [weightsRepo(size)], ...options })
}

/** Fails unless the run ended well, with the Hub's bytes in a cache without faults. */
function expectClean(
  hub: TestHub,
  machine: Machine,
  result: RunResult,
  ...file: [path?: string, id?: string]
): void {
  expectExact(hub, result, ...file)
  expect(cacheFaults(machine.cache)).toEqual([])
}

describe('the right bytes come', () => {
  const cdn = { side: 'cdn' } as const
  const nuisances: readonly [name: string, faults: readonly Fault[], env?: Record<string, string>][] = [
    ['from a CDN that ignores Range', [{ match: cdn, ignoreRange: true }]],
    ['from a CDN that begins to ignore Range', [{ match: cdn, skip: 2, ignoreRange: true }]],
    ['over a second hop on the CDN', [{ match: cdn, hop: true }]],
    ['over connections that close in between', [{ match: cdn, times: 8, cutAfter: 700_000 }]],
    ['over connections that are reset', [{ match: cdn, times: 8, cutAfter: 300_000, reset: true }]],
    ['over connections that end before the first byte', [{ match: cdn, times: 3, cutAfter: 0 }]],
    [
      'past connections on which nothing moves any more',
      [{ match: cdn, times: 2, stallAfter: 500_000 }],
      { HF_HUB_DOWNLOAD_TIMEOUT: '1' },
    ],
    ['after errors of the CDN', [{ match: cdn, times: 2, status: 503 }]],
    ['after errors of the Hub', [{ match: { kind: 'resolve' }, times: 2, status: 500 }]],
    ['when the CDN refuses a signed address once', [{ match: cdn, skip: 1, times: 1, status: 403 }]],
    [
      'when the CDN asks for patience',
      [{ match: cdn, times: 1, status: 429, headers: { 'Retry-After': '1' } }],
    ],
    [
      'from CDN nodes that each call the file by another ETag',
      [{ match: cdn, skip: 2, headers: { ETag: '"another-node"' } }],
    ],
  ]
  for (const [name, faults, env] of nuisances) {
    test.concurrent(name, async () => {
      await using hub = await startHub({ faults })
      using machine = newMachine(hub.url)
      expectClean(hub, machine, await runDfhf(machine, downloadWeights, { ...(env && { env }) }))
      expect(hub.stats().violations).toEqual([])
    })
  }

  test.concurrent('in spite of signed addresses that expire on the way, without a word', async () => {
    const cut = { match: { side: 'cdn' }, times: 24, cutAfter: 400_000 } as const
    await using hub = await startHub({ urlLifetimeMs: 400, rates: { cdn: 3_000_000 }, faults: [cut] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, downloadWeights)
    expectClean(hub, machine, result)
    expect(result.stderr).not.toMatch(/403|expired|again|error/)
    expect(hub.stats().kinds.resolve?.requests).toBeGreaterThan(2)
    expect(sentOf(hub)).toBeLessThan(size * 1.3)
  })

  test.concurrent('when every signed address is withdrawn at once, without a word', async () => {
    const cut = { match: { side: 'cdn' }, times: 2, cutAfter: 1_500_000 } as const
    await using hub = await startHub({ rates: { cdn: 8_000_000 }, faults: [cut] })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, downloadWeights)
    await hub.until((stats) => stats.cdn.bodyBytes > 0)
    hub.signer.expireAll()
    const result = await running.result
    expectClean(hub, machine, result)
    expect(hub.stats().cdn.statuses[403]).toBeGreaterThan(0)
    expect(result.stderr).not.toMatch(/403|again|error/)
  })

  test.concurrent('after the Hub went down and came back', async () => {
    await using hub = await startHub({ rates: { cdn: 8_000_000 } })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, downloadWeights)
    await hub.until((stats) => stats.cdn.bodyBytes > size / 4)
    hub.stop('hub')
    hub.stop('cdn')
    hub.start('hub')
    hub.start('cdn')
    expectClean(hub, machine, await running.result)
  })

  test.concurrent('of a text that the Hub would send compressed', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', 'test-org/varied', 'README.md'])
    expectClean(hub, machine, result, 'README.md', 'test-org/varied')
  })

  test.concurrent('by the plain way where Xet is announced', async () => {
    await using hub = await startTestHub({ repos: [{ ...weightsRepo(size), xet: true }] })
    using machine = newMachine(hub.url)
    expectClean(hub, machine, await runDfhf(machine, downloadWeights))
    expect(hub.stats().kinds['xet-read-token']).toBeUndefined()
    expect(hub.stats().kinds.cas).toBeUndefined()
  })
})

describe('a Hub that limits requests', () => {
  /** Time between the first refusal and the request after it, as the Hub saw them. */
  const pauseAfterRefusal = (hub: TestHub): number => {
    const at = hub.requests.findIndex(({ status }) => status === 429)
    return (hub.requests[at + 1]?.startedMs ?? 0) - (hub.requests[at]?.startedMs ?? 0)
  }

  test.concurrent('is left alone for as long as Retry-After says', async () => {
    const limit = { status: 429, times: 1, headers: { 'Retry-After': '1' } }
    await using hub = await startHub({ faults: [{ match: { kind: 'resolve' }, ...limit }] })
    using machine = newMachine(hub.url)
    expectClean(hub, machine, await runDfhf(machine, ['download', 'o/r', 't']), 't')
    expect(pauseAfterRefusal(hub)).toBeGreaterThan(1000)
  })

  test.concurrent('is left alone until the window of its RateLimit is over', async () => {
    const limit = { status: 429, times: 1, headers: { RateLimit: '"api";r=0;t=1' } }
    await using hub = await startHub({ faults: [{ match: { kind: 'tree' }, ...limit }] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(result.code).toBe(0)
    expect(hub.stats().hub.statuses[429]).toBe(1)
    expect(pauseAfterRefusal(hub)).toBeGreaterThan(1000)
  })
})

describe('a Hub that limits requests without a word of when', () => {
  test('is asked by one request at a time for all files, after pauses that grow', async () => {
    const names = Array.from({ length: 50 }, (_, at) => `f${at}.bin`)
    const files = Object.fromEntries(names.map((name) => [name, { seed: name, size: 3_000, lfs: true }]))
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [files] }],
    })
    const limit = hub.addFault({ match: { kind: 'resolve' }, status: 429 })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, ['snapshot', 'o/r'])
    const refusals = () => hub.requests.filter(({ status }) => status === 429)
    await hub.until(() => {
      const [first, last] = [refusals()[0], refusals().at(-1)]
      return (last?.startedMs ?? 0) - (first?.startedMs ?? 0) > 6_500
    })
    const times = refusals().map(({ startedMs }) => startedMs)
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0))
    const pauses = gaps.filter((gap) => gap > 500)
    // The first requests were on their way together.
    expect(times.length - pauses.length).toBeLessThanOrEqual(16)
    expect(pauses.length).toBeLessThanOrEqual(4)
    pauses.forEach((pause, at) => {
      expect(pause).toBeGreaterThan(0.7 * 1_000 * 2 ** at)
    })
    limit.remove()
    expect((await running.result).code).toBe(0)
  })
})

describe('one line and its exit code', () => {
  const endings: readonly [
    name: string,
    fault: Fault,
    code: number,
    says: string,
    env?: Record<string, string>,
  ][] = [
    ['for a Hub that answers nothing but 500', { match: { side: 'hub' }, status: 500 }, 6, '500'],
    ['for a CDN that answers nothing but 500', { match: { side: 'cdn' }, status: 500 }, 6, '500'],
    ['for a CDN that forbids every new address', { match: { side: 'cdn' }, status: 403 }, 6, '403'],
    [
      'for a CDN that never sends a byte',
      { match: { side: 'cdn' }, stallAfter: 0 },
      6,
      'o/r',
      { HF_HUB_DOWNLOAD_TIMEOUT: '1' },
    ],
    [
      'for a server that is no Hub',
      { match: { side: 'hub' }, status: 200, headers: { 'X-Repo-Commit': null } },
      6,
      'X-Repo-Commit',
    ],
  ]
  for (const [name, fault, code, says, env] of endings) {
    test.concurrent(name, async () => {
      await using hub = await startHub({ faults: [fault] })
      using machine = newMachine(hub.url)
      expect(failureOf(await runDfhf(machine, downloadWeights, { ...(env && { env }) }), code)).toContain(
        says,
      )
      expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
    })
  }

  test('for wrong bytes from the CDN, of which nothing is kept', async () => {
    await using hub = await startHub({ faults: [{ match: { side: 'cdn' }, flip: [5_000_000] }] })
    using machine = newMachine(hub.url)
    const line = failureOf(await runDfhf(machine, downloadWeights), 5)
    expect(line).toContain('o/r')
    expect(cacheFaults(machine.cache)).toEqual([])
    expect(partialsIn(machine.folder)).toEqual([])
    hub.faults.clear()
    expectClean(hub, machine, await runDfhf(machine, downloadWeights))
  })
})
