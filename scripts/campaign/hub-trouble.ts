import type { Fault, Rates } from '../../test/support/hub/faults.ts'
import type { Dice } from './dice.ts'

/** One thing that goes wrong at the Hub for the whole of a run. */
export interface HubTrouble {
  readonly name: string
  readonly faults: readonly Fault[]
  /** What the victims need so as not to wait for long. */
  readonly env?: Readonly<Record<string, string>>
  /** Both sides refuse connections for so long, so long after the start. */
  readonly down?: { readonly afterMs: number; readonly forMs: number }
  /** Every signed address stops to be good, so long after the start. */
  readonly expireAfterMs?: number
  /** One response of the Hub redirects to a host that is neither Hub nor CDN and records what comes. */
  readonly strayRedirect?: boolean
}

const cdn = { side: 'cdn' } as const
const bodies = { side: 'cdn', method: 'GET' } as const
const impatient = { HF_HUB_DOWNLOAD_TIMEOUT: '1' } as const

type Maker = (dice: Dice) => HubTrouble

const makers: readonly [Maker, ...Maker[]] = [
  (dice) => {
    const times = dice.integer(1, 3)
    return {
      name: `Hub 500 x${times}`,
      faults: [{ match: { side: 'hub' }, skip: dice.integer(0, 3), times, status: 500 }],
    }
  },
  (dice) => {
    const times = dice.integer(1, 6)
    return {
      name: `CDN 503 x${times}`,
      faults: [{ match: cdn, skip: dice.integer(0, 4), times, status: 503 }],
    }
  },
  (dice) => {
    const times = dice.integer(1, 2)
    const side = dice.pick(['hub', 'cdn'] as const)
    return {
      name: `429 of the ${side} x${times}`,
      faults: [{ match: { side }, times, status: 429, headers: { 'Retry-After': '1' } }],
    }
  },
  (dice) => {
    const cutAfter = dice.integer(700_000, 1_100_000)
    return {
      name: `each answer cut after ${cutAfter}`,
      faults: [{ match: bodies, cutAfter, reset: dice.chance(0.5) }],
    }
  },
  (dice) => {
    const times = dice.integer(2, 10)
    const cutAfter = dice.integer(0, 600_000)
    return {
      name: `${times} answers cut after ${cutAfter}`,
      faults: [{ match: cdn, times, cutAfter, reset: dice.chance(0.5) }],
    }
  },
  (dice) => {
    const stallAfter = dice.integer(0, 500_000)
    const times = dice.integer(1, 3)
    return {
      name: `${times} answers stall after ${stallAfter}`,
      faults: [{ match: bodies, times, skip: dice.integer(0, 2), stallAfter }],
      env: impatient,
    }
  },
  (dice) => {
    const times = dice.integer(1, 3)
    return {
      name: `${times} connections of one byte per 0.3 s`,
      faults: [
        {
          match: bodies,
          times,
          skip: dice.integer(0, 3),
          drip: { after: dice.integer(0, 300_000), everyMs: 300 },
        },
      ],
    }
  },
  (dice) => {
    const length = dice.integer(1, 900_000)
    return {
      name: `${length}-byte answers x3`,
      faults: [{ match: bodies, times: 3, headers: { 'Content-Length': String(length) }, cutAfter: length }],
    }
  },
  (dice) => ({
    name: 'a wrong Content-Length',
    faults: [
      {
        match: bodies,
        times: 1,
        skip: dice.integer(0, 2),
        headers: { 'Content-Length': String(dice.integer(1, 100)) },
      },
    ],
  }),
  (dice) => ({
    name: '200 to ranges',
    faults: [
      { match: bodies, skip: dice.integer(0, 2), ignoreRange: true, ...(dice.chance(0.5) && { times: 2 }) },
    ],
  }),
  () => ({ name: 'a second hop on the CDN', faults: [{ match: cdn, hop: true }] }),
  (dice) => ({
    name: `a flipped byte x1`,
    faults: [{ match: bodies, times: 1, flip: [dice.integer(0, 2_000_000)] }],
  }),
  (dice) => ({
    name: 'ETags of another CDN node',
    faults: [{ match: cdn, skip: dice.integer(0, 2), headers: { ETag: '"another-node"' } }],
  }),
  (dice) => ({
    name: 'Hub down for a while',
    faults: [],
    down: { afterMs: dice.integer(100, 600), forMs: dice.integer(200, 1500) },
  }),
  (dice) => ({ name: 'signed addresses withdrawn', faults: [], expireAfterMs: dice.integer(100, 1000) }),
  () => ({ name: 'a redirect to a stranger', faults: [], strayRedirect: true }),
]

/** Chooses up to two troubles; none in about a third of the runs. */
export function chooseHubTroubles(dice: Dice): HubTrouble[] {
  return dice.some(makers, 0, 2).map((make) => make(dice))
}

/** Chooses how fast the Hub sends `size` bytes: mostly as fast as it can, else within a few seconds. */
export function chooseRates(
  dice: Dice,
  { size, connections }: { readonly size: number; readonly connections: number | undefined },
): Rates {
  const seconds = 1 + dice.fraction() * 4
  const each = size / seconds / Math.min(6, connections ?? 6)
  return dice.weighted<() => Rates>([
    [() => ({}), 4],
    [() => ({ cdn: Math.max(200_000, Math.round(size / seconds)) }), 4],
    [() => ({ perConnection: Math.max(100_000, Math.round(each)) }), 2],
  ])()
}
