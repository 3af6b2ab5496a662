import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Oid, parseOid } from '../../src/blob/oid.ts'
import type { Destination } from '../../src/repo-download/destination.ts'
import { downloadSnapshot } from '../../src/repo-download/download-snapshot.ts'
import type { FetchParts } from '../../src/repo-download/repo-fetcher.ts'
import type { BundlePeers } from '../../src/swarm/client/bundle-peers.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { samplePeer } from '../swarm/samples.ts'
import { destinations, openCache } from './destinations.ts'
import { openDownloadWorld } from './download-world.ts'

const temporaryFolder = temporaryFolders()
const small = { include: ['small/**'], exclude: [], mustMatch: [] }
const names = Array.from({ length: 60 }, (_, index) => `small/${index % 4}/${index}.json`)
/** Every twelfth file holds what another one does. */
const contentOf = (name: string) => {
  const number = Number(/(\d+)\.json/.exec(name)?.[1])
  return Buffer.from(`{"file":${number % 12 === 0 ? 0 : number}}`)
}
const oidOf = (bytes: Uint8Array) =>
  parseOid(createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'))
const contents = new Map<Oid, Uint8Array>(names.map((name) => [oidOf(contentOf(name)), contentOf(name)]))
const repeated = oidOf(contentOf('0.json'))
const total = [...contents.values()].reduce((sum, { length }) => sum + length, 0)

/** One peer that has the blobs for which `has` is true, and gives some of them at a time. */
function peerWith(has: (oid: Oid) => boolean): BundlePeers {
  const peer = samplePeer(0)
  return {
    searched: Promise.resolve(),
    live: () => [peer],
    async open(_peer, wanted) {
      const blobs = [...wanted.keys()].filter(has).map((oid) => {
        return { oid, bytes: contents.get(oid) ?? expect.unreachable() }
      })
      const parts = async function* () {
        for (let at = 0; at < blobs.length; at += 7)
          yield { blobs: blobs.slice(at, at + 7), chunk: new Uint8Array() }
      }
      return { at: { host: '10.0.0.1', port: 1 }, parts: parts() }
    },
    ban: () => expect.unreachable(),
    note: () => {},
  }
}

function openWorld(open: (typeof destinations)[number][1], has: (oid: Oid) => boolean) {
  const world = openDownloadWorld(open, temporaryFolder, { bundlePeers: () => peerWith(has) })
  for (const name of names) world.put(name, contentOf(name))
  return world
}

describe.each(destinations)('a snapshot of small files that a peer has, into %s', (_name, open) => {
  test.each([
    ['all of them', () => true],
    ['some', (oid: Oid) => Number.parseInt(oid.slice(0, 2), 16) % 2 === 0],
    ['none', () => false],
  ])('is exact, and takes from the Hub only what the peer lacks: %s', async (_case, has) => {
    using world = openWorld(open, has)
    const told: Oid[] = []
    const onVerified: FetchParts['onVerified'] = async (blobs) =>
      void told.push(...blobs.map(({ oid }) => oid))
    const { path, files } = await downloadSnapshot(world.fetcher({ onVerified }), small, { workers: 4 })
    expect(files.map((file) => relative(path, file.path)).sort()).toEqual([...names].sort())
    for (const name of names) expect(readFileSync(join(path, name)).equals(contentOf(name))).toBe(true)
    const bytes = { hub: 0, peers: 0 }
    for (const file of files) {
      bytes.hub += file.bytes.hub
      bytes.peers += file.bytes.peers
    }
    const given = [...contents].filter(([oid]) => has(oid)).reduce((sum, [, { length }]) => sum + length, 0)
    expect(bytes.peers).toBe(given)
    // A folder of the user's own has no second name for a content.
    expect(bytes.hub).toBeGreaterThanOrEqual(total - given)
    expect(bytes.hub).toBeLessThanOrEqual(has(repeated) ? total - given : total - given + 4 * 10)
    expect([...new Set(told)].sort()).toEqual([...contents.keys()].sort())
    const done = world.events.flatMap((event) => (event.type === 'file-done' ? event.result.path : []))
    expect(done.map((file) => relative(path, file)).sort()).toEqual([...names].sort())
    const left = (readdirSync(path, { recursive: true }) as string[]).filter((name) =>
      name.includes('incomplete'),
    )
    expect(left).toEqual([])
  })

  test('tells of each file that came as of one that was fetched', async () => {
    using world = openWorld(open, () => true)
    await downloadSnapshot(world.fetcher(), small, { workers: 4 })
    const sums = new Map<string, number>()
    for (const { type } of world.events) sums.set(type, (sums.get(type) ?? 0) + 1)
    expect(Object.fromEntries(sums)).toMatchObject({
      ...{ plan: 1, 'file-start': contents.size, bytes: contents.size, 'task-done': contents.size },
      'file-done': names.length,
    })
  })
})

describe('files that came together', () => {
  test('are placed one by one where that fails', async () => {
    using world = openWorld(openCache, () => true)
    const broken: Partial<Destination> = { writeFiles: () => Promise.reject(new Error('no')) }
    const fetcher = world.fetcher()
    Object.assign(fetcher.parts.destination, broken)
    const { files } = await downloadSnapshot(fetcher, small, { workers: 4 })
    expect(files.every(({ bytes }) => bytes.hub === 0)).toBe(true)
  })

  test('and cannot be placed at all end with the error of one that is fetched by itself', async () => {
    using world = openWorld(openCache, () => true)
    const fetcher = world.fetcher({ mayAskHub: false })
    Object.assign(fetcher.parts.destination, {
      writeFiles: () => Promise.reject(new Error('no')),
      writeBlob: () => Promise.reject(new Error('no')),
      openBlob: () => Promise.reject(new Error('the disk is broken')),
    })
    const failed = thrownBy(() => downloadSnapshot(fetcher, small, { workers: 4 }))
    expect(await failed).toMatchObject({ message: 'the disk is broken' })
  })

  test('come once more where all is to be fetched anew, each content once', async () => {
    using world = openWorld(openCache, () => true)
    await downloadSnapshot(world.fetcher(), small, { workers: 4 })
    const { files } = await downloadSnapshot(world.fetcher({ isForced: true }), small, { workers: 4 })
    expect(files.reduce((sum, { bytes }) => sum + bytes.peers, 0)).toBe(total)
    expect(files.every(({ bytes }) => bytes.hub === 0)).toBe(true)
  })

  test('are not asked of peers where this machine has them', async () => {
    using world = openWorld(openCache, () => expect.unreachable())
    const store = temporaryFolder()
    const findLocal = async (oid: Oid) => {
      const bytes = contents.get(oid)
      if (bytes) await Bun.write(join(store, oid), bytes)
      return bytes && join(store, oid)
    }
    const { files } = await downloadSnapshot(world.fetcher({ findLocal }), small, { workers: 4 })
    expect(files.reduce((sum, { bytes }) => sum + bytes.local, 0)).toBe(total)
  })
})
