import { describe, expect, test } from 'bun:test'
import { Bed } from '../support/bed/bed.ts'
import { canLayBed } from '../support/bed/requirements.ts'
import type { RunningDfhf } from '../support/bed/running-dfhf.ts'

const MAX_MS = 120_000
/** Of the blob's size. On a machine with time to spare it is 1.02, see `scripts/bench-swarm.ts`; a starved one meets its peers late. */
const MOST_FROM_HUB = 1.1

/** Runs the downloads to their end and returns what the Hub sent of the blob, over its size. */
async function hubRatio(bed: Bed, downloads: readonly RunningDfhf[]): Promise<number> {
  await bed.finish(downloads)
  return (await bed.hubBytes()) / bed.size
}

describe.skipIf(!canLayBed())('hosts that want the same blob', () => {
  test(
    'start together, find each other by multicast alone, and ask the Hub for it once',
    async () => {
      await using bed = await Bed.open({ hosts: 8, mib: 200 })
      const ratio = await hubRatio(
        bed,
        bed.hosts.map((host) => bed.download(host)),
      )
      expect(ratio).toBeWithin(1, MOST_FROM_HUB)
    },
    MAX_MS,
  )

  test(
    'start together, find each other by seeds alone, and ask the Hub for it once',
    async () => {
      await using bed = await Bed.open({ hosts: 8, mib: 200 })
      const seeds = bed.hosts.slice(0, 2).flatMap(({ addresses }) => addresses)
      const args = ['--no-multicast', '--seeds', seeds.join()]
      const ratio = await hubRatio(
        bed,
        bed.hosts.map((host) => bed.download(host, args)),
      )
      expect(ratio).toBeWithin(1, MOST_FROM_HUB)
    },
    MAX_MS,
  )

  test(
    'start one after another, and join what is under way',
    async () => {
      await using bed = await Bed.open({ hosts: 6, mib: 64 })
      const downloads: RunningDfhf[] = []
      for (const [index, host] of bed.hosts.entries()) {
        downloads.push(bed.download(host))
        // The next one comes when a tenth more is there.
        await downloads[0]?.until(({ progress }) => progress.done >= (progress.size * index) / 10)
      }
      expect(await hubRatio(bed, downloads)).toBeWithin(1, 1.25)
    },
    MAX_MS,
  )

  test(
    'ask the Hub for no byte of it where a host has it and serves, and those that come later neither',
    async () => {
      await using bed = await Bed.open({ hosts: 5, mib: 48 })
      const [first, ...others] = bed.hosts
      if (!first) throw new Error('no hosts')
      await bed.finish([bed.download(first)])
      await bed.serve(first)
      await bed.hub.resetStats()
      const results = await bed.finish(others.map((host) => bed.download(host)))
      for (const { bytes } of results) expect(bytes).toMatchObject({ hub: 0, local: 0 })
      expect(await bed.hubBytes()).toBe(0)
    },
    MAX_MS,
  )
})
