import { delay } from '../../src/base/delay.ts'
import { Bed } from '../../test/support/bed/bed.ts'
import type { RunningDfhf } from '../../test/support/bed/running-dfhf.ts'

/** The size of the bed and of the blob. */
interface SwarmSetting {
  readonly hosts: number
  readonly mib: number
  readonly linkMbit: number
  readonly hubMbit: number
  /** The program that the hosts run. */
  readonly binary: string
}

/** What one scenario came to. */
export interface SwarmFigures {
  readonly scenario: string
  readonly hosts: number
  /** Bytes of the blob that the Hub sent, cut responses included, over its size. */
  readonly hubRatio: number
  /** The same by what left the Hub's link, all headers included. */
  readonly wireRatio: number
  /** From the first start until the last host printed its path, and the least that the links allow. */
  readonly lastMs: number
  readonly boundMs: number
  /** Of all hosts together. */
  readonly cpuMs: number
}

/** A scenario by its name. */
export type Scenario = (setting: SwarmSetting) => Promise<SwarmFigures>

const SPREAD_MS = 10_000

interface Course {
  readonly scenario: string
  readonly bed: Bed
  readonly boundMs: number
  /** Starts the downloads; resolves when all of them run. */
  start(): Promise<readonly RunningDfhf[]>
}

async function measure({ scenario, bed, boundMs, start }: Course): Promise<SwarmFigures> {
  await bed.hub.resetStats()
  const wireBefore = await bed.hubNode.bytesSent()
  const startedAt = performance.now()
  const downloads = await start()
  await Promise.all(downloads.map(({ printed }) => printed))
  const lastMs = performance.now() - startedAt
  await bed.finish(downloads)
  const exits = await Promise.all(downloads.map(({ exit }) => exit))
  return {
    scenario,
    hosts: downloads.length,
    hubRatio: (await bed.hubBytes()) / bed.size,
    wireRatio: ((await bed.hubNode.bytesSent()) - wireBefore) / bed.size,
    lastMs,
    boundMs,
    cpuMs: exits.reduce((sum, exit) => sum + exit.cpuMs, 0),
  }
}

/** How long a blob takes over a link, in ms. */
function onLink(mib: number, mbit: number): number {
  return (mib * 2 ** 20 * 8) / (mbit * 1000)
}

/** The least time in which `hosts` can all have a blob that only the Hub has. */
function bound({ hosts, mib, linkMbit, hubMbit }: SwarmSetting): number {
  return Math.max(
    onLink(mib, hubMbit),
    onLink(mib, linkMbit),
    hosts * onLink(mib, hubMbit + hosts * linkMbit),
  )
}

async function together(
  scenario: string,
  setting: SwarmSetting,
  args: (bed: Bed) => readonly string[],
): Promise<SwarmFigures> {
  await using bed = await Bed.open(setting)
  const start = async () => bed.hosts.map((host) => bed.download(host, args(bed)))
  return await measure({ scenario, bed, boundMs: bound(setting), start })
}

/** Each host starts a while after the one before. */
async function spread(setting: SwarmSetting): Promise<SwarmFigures> {
  await using bed = await Bed.open(setting)
  const boundMs = Math.max(bound(setting), SPREAD_MS + onLink(setting.mib, setting.linkMbit))
  const step = SPREAD_MS / Math.max(1, setting.hosts - 1)
  const start = () =>
    Promise.all(
      bed.hosts.map(async (host, index) => {
        await delay(index * step)
        return bed.download(host)
      }),
    )
  return await measure({ scenario: 'starts over 10 s', bed, boundMs, start })
}

/** Half of the hosts have it and serve; the others want it. */
async function secondWave(setting: SwarmSetting): Promise<SwarmFigures> {
  await using bed = await Bed.open(setting)
  const half = Math.ceil(setting.hosts / 2)
  const first = bed.hosts.slice(0, half)
  await bed.finish(first.map((host) => bed.download(host)))
  for (const host of first) await bed.serve(host)
  const start = async () => bed.hosts.slice(half).map((host) => bed.download(host))
  return await measure({
    scenario: 'second wave',
    bed,
    boundMs: onLink(setting.mib, setting.linkMbit),
    start,
  })
}

/** All scenarios, in the order of the table. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  multicast: (setting) => together('multicast', setting, () => []),
  seeds: (setting) =>
    together('seeds', setting, ({ hosts }) => {
      const seeds = hosts.slice(0, 2).flatMap(({ addresses }) => addresses)
      return ['--no-multicast', '--seeds', seeds.join()]
    }),
  spread,
  'second-wave': secondWave,
  alone: (setting) => together('alone', { ...setting, hosts: 1 }, () => []),
  'no-peers': (setting) => together('alone, --no-peers', { ...setting, hosts: 1 }, () => ['--no-peers']),
}
