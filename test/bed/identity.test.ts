import { describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bed } from '../support/bed/bed.ts'
import type { Node } from '../support/bed/network.ts'
import { canLayBed } from '../support/bed/requirements.ts'
import { makeCertificate } from '../support/hub/certificate.ts'

const MAX_MS = 120_000

interface TransferCounters {
  readonly connections: number
  readonly requests: number
  readonly blobBytes: number
  readonly repos: number
}

/** A bed with a daemon that has the blob, a host that says to be it, and one that wants it; what the second one got. */
async function deceive(
  flagsFor: (folder: string, addresses: readonly string[]) => readonly string[],
  search: (impostor: string) => readonly string[],
): Promise<TransferCounters & { readonly fromPeers: number | undefined }> {
  await using bed = await Bed.open({ hosts: 3, mib: 16 })
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-identity-'))
  try {
    const [keeper, impostor, seeker] = bed.hosts
    if (!keeper || !impostor || !seeker) throw new Error('no hosts')
    const flags = flagsFor(folder, [addressOf(keeper), addressOf(seeker)])
    await bed.finish([bed.download(keeper, ['--no-peers'])])
    await bed.serve(keeper, flags)
    const counters = join(folder, 'tally')
    await bed.startProgram(impostor, 'relaying-peer.ts', [addressOf(impostor), counters])
    const [result] = await bed.finish([bed.download(seeker, [...flags, ...search(addressOf(impostor))])])
    return {
      ...(JSON.parse(readFileSync(counters, 'utf8')) as TransferCounters),
      fromPeers: result?.bytes.peers,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The impostor is all that the seeker knows. */
const bySeed = (impostor: string) => ['--no-multicast', '--seeds', `${impostor}:7001`]
/** The seeker hears both, and has to find the true one. */
const byAnnouncement = () => ['--origin', 'never']

function addressOf({ addresses: [address = ''] }: Node): string {
  return address
}

function write(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

const keyFlags = (folder: string) => [
  '--cluster-key-file',
  write(join(folder, 'key'), 'correct horse battery staple'),
]

describe.skipIf(!canLayBed())('a host without the key that announces the id of a keyed peer', () => {
  test(
    'is asked, and gets no byte of a blob and no name of a repo',
    async () => {
      const counters = await deceive(keyFlags, bySeed)
      expect(counters.requests).toBeGreaterThan(0)
      expect(counters).toMatchObject({ blobBytes: 0, repos: 0, fromPeers: 0 })
    },
    MAX_MS,
  )

  test(
    'does not keep others from the true one',
    async () => {
      const counters = await deceive(keyFlags, byAnnouncement)
      expect(counters).toMatchObject({ blobBytes: 0, repos: 0, fromPeers: 16 * 2 ** 20 })
    },
    MAX_MS,
  )

  test.each([
    ['a seed', bySeed],
    ['announced', byAnnouncement],
  ])(
    'hears no request where TLS is configured (%s)',
    async (_, search) => {
      const withTls = (folder: string, addresses: readonly string[]) => {
        const { cert, key } = makeCertificate(addresses.map((address) => `IP:${address}`))
        const pem = write(join(folder, 'cert.pem'), cert)
        const tls = ['--tls-cert', pem, '--tls-key', write(join(folder, 'key.pem'), key), '--tls-ca', pem]
        return [...keyFlags(folder), ...tls]
      }
      const counters = await deceive(withTls, search)
      if (search === bySeed) expect(counters.connections).toBeGreaterThan(0)
      expect(counters).toMatchObject({ requests: 0, blobBytes: 0, repos: 0 })
    },
    MAX_MS,
  )
})

describe.skipIf(!canLayBed())('20,000 invented announcements', () => {
  test(
    'keep out neither a configured seed nor a peer that announces itself',
    async () => {
      await using bed = await Bed.open({ hosts: 4, mib: 4 })
      const [node, inventor, seed, neighbour] = bed.hosts
      if (!node || !inventor || !seed || !neighbour) throw new Error('no hosts')
      const serving = await bed.serve(node, ['--seeds', addressOf(seed)])
      await bed.startProgram(inventor, 'inventor.ts', [addressOf(inventor), '20000'])
      await bed.serve(seed, ['--no-multicast'])
      await serving.said(' joined')
      await bed.serve(neighbour)
      await serving.until(({ text }) => text.split(' joined').length > 2)
      // No peer's log fills up with peers that a host invents.
      expect(serving.text.split('invented').length - 1).toBe(0)
    },
    MAX_MS,
  )
})
