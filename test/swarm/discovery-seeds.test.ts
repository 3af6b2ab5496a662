import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { parseSeeds, SeedDiscovery, type SeedOptions } from '../../src/swarm/discovery/discovery-seeds.ts'

/** A clock that the test moves: `pass` ends the wait that is due next. */
class Clock {
  now = 0
  readonly #waits: { readonly until: number; readonly end: () => void }[] = []
  #onWait = () => {}

  readonly wait = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) reject(signal.reason)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.#waits.push({ until: this.now + ms, end: resolve })
      this.#onWait()
    })

  /** Resolves once the discovery waits, then lets that time pass. */
  async pass(): Promise<void> {
    while (this.#waits.length === 0) {
      await new Promise<void>((resolve) => {
        this.#onWait = resolve
      })
    }
    this.#waits.sort((a, b) => a.until - b.until)
    const next = this.#waits.shift()
    this.now = Math.max(this.now, next?.until ?? 0)
    next?.end()
  }
}

function discover(options: Partial<SeedOptions> & Pick<SeedOptions, 'seeds'>) {
  const clock = new Clock()
  const stop = new AbortController()
  const tried: string[] = []
  const discovery = new SeedDiscovery({
    contact: async ({ host }) => {
      tried.push(`${clock.now} ${host}`)
      throw new Error('refused')
    },
    isKnownAt: () => false,
    now: () => clock.now,
    wait: clock.wait,
    ...options,
  })
  const done = discovery.run(stop.signal)
  return {
    clock,
    tried,
    hasTriedAll: () => discovery.hasTriedAll,
    discovery,
    async stop() {
      stop.abort()
      await done
    },
  }
}

describe('seeds', () => {
  /** What is warned of while the clock goes to that time. */
  async function warningsUntil(ms: number, options: Parameters<typeof discover>[0]): Promise<string[]> {
    const warnings: string[] = []
    const log = { ...silentLog, warn: (text: string) => void warnings.push(text) }
    const { clock, stop } = discover({ ...options, log })
    while (clock.now < ms) await clock.pass()
    await stop()
    return warnings
  }

  test('that refuse this process are told of, once each', async () => {
    const refusal = new DfhfError('unauthorized', 'peer p refuses our requests', { hint: 'mend the key' })
    const seeds = parseSeeds(['10.0.0.1', '10.0.0.2:7'])
    const contact = () => Promise.reject(refusal)
    const why = 'is of no use: peer p refuses our requests; mend the key'
    expect(await warningsUntil(60_000, { seeds, contact })).toEqual([
      `the seed 10.0.0.1:65002 ${why}`,
      `the seed 10.0.0.2:7 ${why}`,
    ])
  })

  test('are told of, once, where none has answered for a while', async () => {
    const seeds = parseSeeds(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'])
    expect(await warningsUntil(10_000, { seeds })).toEqual([])
    expect(await warningsUntil(90_000, { seeds })).toEqual([
      'no peer answers at the seeds 10.0.0.1:65002, 10.0.0.2:65002, 10.0.0.3:65002 and 1 more; check --seeds',
    ])
    const contact = async ({ host }: { host: string }) => {
      if (host === '10.0.0.4') return true
      throw new Error('refused')
    }
    expect(await warningsUntil(90_000, { seeds, contact })).toEqual([])
    expect(await warningsUntil(90_000, { seeds, isKnownAt: (host) => host === '10.0.0.2' })).toEqual([])
  })

  test('count as tried when each address of each was asked once, whether it answered or not', async () => {
    const slow = Promise.withResolvers<boolean>()
    const contact = ({ host }: { host: string }) =>
      host === '10.0.0.2' ? slow.promise : Promise.reject(host)
    const resolve = () => Promise.reject(new Error('no such name'))
    const seeds = parseSeeds(['10.0.0.1', '10.0.0.2', 'name'])
    const { clock, hasTriedAll, stop } = discover({ seeds, contact, resolve })
    await clock.pass()
    expect(hasTriedAll()).toBe(false)
    slow.resolve(true)
    while (!hasTriedAll()) await clock.pass()
    await stop()
  })

  test('that are none were all tried', async () => {
    const { hasTriedAll, stop } = discover({ seeds: [] })
    expect(hasTriedAll()).toBe(true)
    await stop()
  })

  test('are read with and without ports, comma-separated and repeated', () => {
    expect(parseSeeds(['a:1, b ,[fd00::1]:7', 'fd00::2', 'a:1', ''])).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 65002 },
      { host: 'fd00::1', port: 7 },
      { host: 'fd00::2', port: 65002 },
    ])
  })

  test('that are none are a usage error', () => {
    for (const bad of ['a:b', 'http://a', 'a:0', 'a:70000', '[x]:1', 'a b'])
      expect(() => parseSeeds([bad])).toThrow('not a seed')
  })

  test('are tried at once and quickly again, then every heartbeat', async () => {
    const { clock, tried, stop } = discover({ seeds: parseSeeds(['10.0.0.1']) })
    for (let round = 0; round < 7; round += 1) await clock.pass()
    await stop()
    expect(tried.slice(0, 7)).toEqual([0, 100, 300, 600, 1100, 2100, 7100].map((at) => `${at} 10.0.0.1`))
  })

  test('stand for all addresses of a name, looked up again every 30 seconds while one of them is a peer', async () => {
    const answers = [['10.0.0.1', '10.0.0.2'], ['10.0.0.3']]
    let isTried = false
    const { clock, tried, stop } = discover({
      seeds: parseSeeds(['peers.example']),
      resolve: async () => answers.shift() ?? [],
      isKnownAt: (host) => {
        const isKnown = isTried && host === '10.0.0.1'
        isTried = true
        return isKnown
      },
    })
    while (clock.now < 33_000) await clock.pass()
    await stop()
    expect(tried.slice(0, 2)).toEqual(['0 10.0.0.1', '0 10.0.0.2'])
    expect(tried.find((line) => line.endsWith('10.0.0.3'))).toBe('32100 10.0.0.3')
    expect(tried.at(-1)).toContain('10.0.0.3')
  })

  test('whose name stands for no peer yet are looked up again within seconds, and less and less often', async () => {
    const lookups: number[] = []
    const { clock, tried, stop } = discover({
      seeds: parseSeeds(['peers.example']),
      resolve: async () => {
        await Promise.resolve()
        lookups.push(clock.now)
        return lookups.length < 4 ? ['10.9.9.9'] : ['10.0.0.1']
      },
    })
    while (clock.now < 120_000) await clock.pass()
    await stop()
    const pauses = lookups.slice(1).map((at, index) => at - (lookups[index] ?? 0))
    expect(lookups[3]).toBeLessThan(5_500)
    expect(tried.find((line) => line.endsWith('10.0.0.1'))).toBe(`${lookups[3]} 10.0.0.1`)
    expect(pauses.slice(0, 3).every((pause) => pause <= 2_500)).toBe(true)
    expect(Math.min(...pauses.slice(-2))).toBeGreaterThanOrEqual(30_000)
  })

  test('keep their addresses while the resolver fails, and one that hangs holds up no other', async () => {
    let lookups = 0
    const { clock, tried, stop } = discover({
      seeds: parseSeeds(['flaky.example', 'good.example']),
      resolve: async (host) => {
        lookups += 1
        if (host === 'flaky.example' && lookups > 2) throw new Error('no answer')
        return [host === 'flaky.example' ? '10.0.0.1' : '10.0.0.2']
      },
      contact: ({ host }, signal) => {
        tried.push(`${clock.now} ${host}`)
        if (host !== '10.0.0.1' || clock.now > 0) return Promise.reject(new Error('refused'))
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    for (let round = 0; round < 12; round += 1) await clock.pass()
    await stop()
    expect(tried.filter((line) => line.endsWith('10.0.0.2')).length).toBeGreaterThan(10)
  })

  test('have all answered once each did, and not before', async () => {
    let isAway = true
    const search = discover({
      seeds: parseSeeds(['127.0.0.1', '127.0.0.2']),
      contact: async ({ host }) => {
        if (isAway && host === '127.0.0.2') throw new Error('refused')
        return true
      },
    })
    let hasAnswered = false
    const answered = search.discovery.answered.then(() => {
      hasAnswered = true
    })
    await search.clock.pass()
    await search.clock.pass()
    expect(hasAnswered).toBe(false)
    isAway = false
    await search.clock.pass()
    await search.clock.pass()
    await answered
    await search.stop()
  })

  test('have answered where there are none', async () => {
    const search = discover({ seeds: [] })
    await search.discovery.answered
    await search.stop()
  })

  test('are left alone while they live, and when they are this very process', async () => {
    const contacts: string[] = []
    const { clock, stop } = discover({
      seeds: parseSeeds(['10.0.0.1', '10.0.0.2']),
      isKnownAt: (host) => host === '10.0.0.1',
      contact: async ({ host }) => {
        contacts.push(host)
        return false
      },
    })
    for (let round = 0; round < 8; round += 1) await clock.pass()
    await stop()
    expect(contacts).toEqual(['10.0.0.2'])
  })
})
