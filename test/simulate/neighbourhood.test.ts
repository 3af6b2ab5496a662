import { describe, expect, test } from 'bun:test'
import { Announcer } from '../../scripts/simulate/announcer.ts'
import { loadDecisionCode } from '../../scripts/simulate/decision-code.ts'
import { Environment } from '../../scripts/simulate/environment.ts'
import type { Host, News, Watcher } from '../../scripts/simulate/host.ts'
import { Neighbourhood } from '../../scripts/simulate/neighbourhood.ts'
import { Link } from '../../scripts/simulate/network.ts'
import { Bitmap } from '../../src/blob/bitmap.ts'
import type { PeerId } from '../../src/swarm/protocol/peer-info.ts'
import { peerId, samplePeer } from '../swarm/samples.ts'

const { code } = await loadDecisionCode('current')

function createEnvironment(): Environment {
  return new Environment({ peers: 2, size: 2 ** 24, hubRate: 1, linkRate: 1, seed: 1, code })
}

/** A host that lets others watch it, or does not. */
class StandInHost implements Host {
  readonly id: PeerId = peerId(1)
  readonly up = new Link(1)
  readonly rack = undefined
  readonly latencyMs = 1
  readonly pieces = new Bitmap(16)
  readonly isSilent = false
  asksHub = false
  readonly isLiar = false
  isDead = false
  uploads = 0
  isOpen = true
  readonly visits: number[] = []
  readonly watchers = new Set<Watcher>()
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
  }

  fetchingFromHub(): readonly number[] {
    return []
  }

  addWatcher(watcher: Watcher): boolean {
    this.visits.push(this.#environment.queue.now)
    if (this.isOpen) this.watchers.add(watcher)
    return this.isOpen
  }

  removeWatcher(watcher: Watcher): void {
    this.watchers.delete(watcher)
  }
}

function follow() {
  const environment = createEnvironment()
  const host = new StandInHost(environment)
  const told: string[] = []
  const neighbourhood = new Neighbourhood(environment, {
    id: peerId(0),
    joined: () => told.push('joined'),
    crowded: () => told.push('crowded'),
    hear: () => told.push('heard'),
    left: () => told.push('left'),
  })
  const choose = () => neighbourhood.choose([samplePeer(1)], () => host)
  const runUntil = (ms: number) => {
    environment.queue.after(ms - environment.queue.now, () => {})
    while (environment.queue.now < ms) environment.queue.runNext()
  }
  return { environment, host, told, neighbourhood, choose, runUntil }
}

describe('a neighbourhood', () => {
  test('watches a host that is known, once', () => {
    const { host, told, neighbourhood, choose } = follow()
    choose()
    choose()
    expect(host.visits).toEqual([0])
    expect(told).toEqual(['joined'])
    expect(neighbourhood.find(host.id)).toBe(host)
  })

  test('tries a host again after longer and longer pauses while it has no place for one more', () => {
    const { host, told, choose, neighbourhood, runUntil } = follow()
    host.isOpen = false
    choose()
    runUntil(30_000)
    expect(host.visits).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 23_500])
    expect(told).toEqual([])
    expect(neighbourhood.find(host.id)).toBeUndefined()
  })

  test('hears of a host that shares the Hub and has no place for one more', () => {
    const { host, told, choose, neighbourhood } = follow()
    host.isOpen = false
    host.asksHub = true
    choose()
    expect(told).toEqual(['crowded'])
    expect(neighbourhood.find(host.id)).toBeUndefined()
  })

  test('leaves a host alone that it shuns, for twice as long the second time', () => {
    const { host, told, choose, neighbourhood, runUntil } = follow()
    choose()
    neighbourhood.shun(host.id)
    expect(host.watchers.size).toBe(0)
    runUntil(6_000)
    neighbourhood.shun(host.id)
    runUntil(20_000)
    expect(host.visits).toEqual([0, 5_000, 16_000])
    expect(told).toEqual(['joined', 'left', 'joined', 'left', 'joined'])
  })

  test('forgets a host that is dead, and comes back to no other once it is closed', () => {
    const { host, told, choose, neighbourhood, runUntil } = follow()
    choose()
    host.isDead = true
    neighbourhood.lost(host)
    runUntil(1_000)
    expect(host.visits).toEqual([0])
    host.isDead = false
    choose()
    neighbourhood.close()
    runUntil(60_000)
    expect(host.visits).toEqual([0, 1_000])
    expect(told).toEqual(['joined', 'left', 'joined', 'left'])
  })
})

test('a host tells its news to as many as there is room for, and to no more', () => {
  const environment = createEnvironment()
  const announcer = new Announcer(environment.queue, new StandInHost(environment), 2)
  const heard: [number, News][] = []
  const watchers = [0, 1, 2].map((n) => ({
    id: peerId(n),
    oid: environment.oid,
    hear: (_host: Host, news: News) => heard.push([n, news]),
    lost: () => {},
  }))
  expect(watchers.map((watcher) => announcer.addWatcher(watcher))).toEqual([true, true, false])
  announcer.landed(3)
  while (environment.queue.runNext()) {
    // The news are delivered.
  }
  const news = { landed: [3], fetching: [] }
  expect(heard).toEqual([
    [0, news],
    [1, news],
  ])
})
