import { describe, expect, test } from 'bun:test'
import { Bed } from '../support/bed/bed.ts'
import { evilModes } from '../support/bed/evil-mode.ts'
import { canLayBed } from '../support/bed/requirements.ts'
import type { RunningDfhf } from '../support/bed/running-dfhf.ts'

const MAX_MS = 120_000

/** Resolves when the swarm is in the middle of its work. */
async function untilMidway(downloads: readonly RunningDfhf[], share = 0.3): Promise<void> {
  await Promise.race(
    downloads.map((download) =>
      download.until(({ progress }) => progress.size > 0 && progress.done >= share * progress.size),
    ),
  )
}

/** The one that has taken most from the Hub, and the others. */
function busiest(downloads: readonly RunningDfhf[]): [RunningDfhf, RunningDfhf[]] {
  const [first, ...others] = downloads.toSorted((a, b) => b.progress.bytes.hub - a.progress.bytes.hub)
  if (!first) throw new Error('no host downloads')
  return [first, others]
}

describe.skipIf(!canLayBed())('a swarm brings the right bytes everywhere and ends well though', () => {
  test(
    'the busiest owner is killed midway',
    async () => {
      await using bed = await Bed.open({ hosts: 4, mib: 48 })
      const downloads = bed.hosts.map((host) => bed.download(host))
      await untilMidway(downloads)
      const [victim, survivors] = busiest(downloads)
      victim.kill('SIGKILL')
      await bed.finish(survivors)
      expect((await bed.hubBytes()) / bed.size).toBeLessThan(1.4)
    },
    MAX_MS,
  )

  test(
    "a host's cable is pulled and put back",
    async () => {
      await using bed = await Bed.open({ hosts: 4, mib: 48 })
      const [cut, ...others] = bed.hosts
      if (!cut) throw new Error('no hosts')
      const lonely = bed.download(cut)
      const downloads = others.map((host) => bed.download(host))
      await untilMidway([lonely, ...downloads])
      await cut.setLink('down')
      await Promise.all(downloads.map(({ printed }) => printed))
      await cut.setLink('up')
      await bed.finish([lonely, ...downloads])
    },
    MAX_MS,
  )

  test(
    'a host is slowed down to 2 Mbit/s',
    async () => {
      await using bed = await Bed.open({ hosts: 4, mib: 48 })
      const [slow, ...others] = bed.hosts
      if (!slow) throw new Error('no hosts')
      const crawling = bed.download(slow)
      const downloads = others.map((host) => bed.download(host))
      await untilMidway([crawling, ...downloads])
      await slow.shape(2)
      await Promise.all(downloads.map(({ printed }) => printed))
      await slow.shape(200)
      await bed.finish([crawling, ...downloads])
    },
    MAX_MS,
  )

  const harm = {
    'wrong-bytes': 'a peer sends wrong bytes and digests that fit them',
    claims: 'a peer claims pieces that it lacks',
    stalls: 'a peer begins to send and never goes on',
    garbage: 'a peer answers with noise',
    busy: 'a peer that has everything is always busy',
    fetches: 'a peer says each second that it fetches everything',
    drips: 'a peer sends the end of each range byte by byte',
  } as const
  for (const mode of evilModes) {
    test(
      harm[mode],
      async () => {
        await using bed = await Bed.open({ hosts: 4, mib: 24 })
        const [lair, ...hosts] = bed.hosts
        if (!lair) throw new Error('no hosts')
        await bed.startProgram(lair, 'evil-peer.ts', [mode, String(bed.size)])
        await bed.finish(hosts.map((host) => bed.download(host)))
      },
      MAX_MS,
    )
  }

  test(
    'the Hub refuses every host for a while',
    async () => {
      await using bed = await Bed.open({ hosts: 4, mib: 48 })
      const downloads = bed.hosts.map((host) => bed.download(host))
      await untilMidway(downloads)
      const refusal = { status: 429, headers: { 'Retry-After': '1' } }
      await bed.hub.order({ add: [{ match: { side: 'cdn' }, times: 40, ...refusal }] })
      await bed.finish(downloads)
    },
    MAX_MS,
  )

  test(
    'the Hub goes down while the swarm holds every piece',
    async () => {
      await using bed = await Bed.open({ hosts: 4, mib: 48, linkMbit: 100 })
      const [first, ...others] = bed.hosts
      if (!first) throw new Error('no hosts')
      await bed.finish([bed.download(first)])
      await bed.serve(first)
      const downloads = others.map((host) => bed.download(host))
      await untilMidway(downloads, 0.1)
      // The orders go to the Hub's own side.
      await bed.hub.goDown('cdn', MAX_MS)
      await bed.hub.goDown('hub', MAX_MS)
      await bed.finish(downloads)
    },
    MAX_MS,
  )
})
