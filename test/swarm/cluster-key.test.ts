import { afterAll, describe, expect, test } from 'bun:test'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  createClusterKey,
  readClusterKey,
  type SignedRequest,
  signRequest,
} from '../../src/swarm/trust/cluster-key.ts'
import { RequestVerifier, type VerifierOptions } from '../../src/swarm/trust/request-verifier.ts'
import { peerId } from './samples.ts'

const key = createClusterKey('correct horse battery staple')
const start = 1_700_000_000_000
const [self, other] = [peerId(0), peerId(1)]
const request: SignedRequest = { method: 'GET', target: '/v1/blobs/x?a=1', range: 'bytes=0-9', contact: 'me' }
const [at, from] = ['http://10.0.0.1:65002', '10.0.0.9']
const strict = { needsRecipient: true, from }
const lax = { needsRecipient: false, from }

function verifierAt(clock: { now: number }, options: Partial<VerifierOptions> = {}): RequestVerifier {
  return new RequestVerifier({
    key,
    selfId: self,
    isOwnAddress: (dialled) => dialled === at,
    now: () => clock.now,
    ...options,
  })
}

describe('signed requests', () => {
  test('are accepted once', () => {
    const verifier = verifierAt({ now: start })
    const header = signRequest(key, request, { to: self, at, now: start })
    expect(verifier.refusalOf(request, header, strict)).toBeUndefined()
    expect(verifier.refusalOf(request, header, strict)).toBe('seen before')
  })

  test('are refused when old or from the future', () => {
    const clock = { now: start }
    const verifier = verifierAt(clock)
    for (const [offset, refusal] of [
      [30_000, undefined],
      [-30_000, undefined],
      [30_001, 'signed too long ago or in the future'],
      [-30_001, 'signed too long ago or in the future'],
    ] as const) {
      const header = signRequest(key, request, { to: self, at, now: start + offset })
      expect(verifier.refusalOf(request, header, strict)).toBe(refusal)
    }
  })

  test('cannot be replayed at any later moment', () => {
    fc.assert(
      fc.property(fc.integer({ min: -30_000, max: 30_000 }), fc.array(fc.nat(20_000)), (offset, waits) => {
        const clock = { now: start }
        const verifier = verifierAt(clock)
        const header = signRequest(key, request, { to: self, at, now: start + offset })
        expect(verifier.refusalOf(request, header, strict)).toBeUndefined()
        for (const wait of waits) {
          clock.now += wait
          expect(verifier.refusalOf(request, header, strict)).toBeDefined()
        }
      }),
    )
  })

  test.each([
    ['method', { method: 'POST' }],
    ['target', { target: '/v1/blobs/x?a=2' }],
    ['range', { range: 'bytes=0-99' }],
    ['missing range', { range: undefined }],
    ['introduction', { contact: 'somebody else' }],
  ])('are refused with another %s', (_, change) => {
    const header = signRequest(key, request, { to: self, at, now: start })
    expect(verifierAt({ now: start }).refusalOf({ ...request, ...change }, header, strict)).toBe(
      'signed with another key',
    )
  })

  test('are refused when signed with another key, for another peer, or not at all', () => {
    const verifier = verifierAt({ now: start })
    const wrong = signRequest(createClusterKey('another key of some length'), request, {
      to: self,
      at,
      now: start,
    })
    expect(verifier.refusalOf(request, wrong, strict)).toBe('signed with another key')
    const elsewhere = signRequest(key, request, { to: other, at, now: start })
    expect(verifier.refusalOf(request, elsewhere, strict)).toBe('meant for another peer')
    expect(verifier.refusalOf(request, elsewhere, lax)).toBe('meant for another peer')
    const toAnyone = signRequest(key, request, { to: '*', at, now: start })
    expect(verifier.refusalOf(request, toAnyone, strict)).toBe('meant for another peer')
    expect(verifier.refusalOf(request, toAnyone, lax)).toBeUndefined()
    for (const header of [undefined, null, '', 'v1', `${wrong} `, 'Bearer x'])
      expect(verifier.refusalOf(request, header, strict)).toBe('not signed')
  })

  test('are refused when another address was dialled than one of its own', () => {
    const verifier = verifierAt({ now: start })
    for (const elsewhere of ['http://10.6.6.6:65002', 'http://10.0.0.1:7001', 'https://10.0.0.1:65002']) {
      const header = signRequest(key, request, { to: self, at: elsewhere, now: start })
      expect(verifier.refusalOf(request, header, strict)).toBe('sent to an address that is not its own')
      const changed = header.replace(elsewhere, at)
      expect(verifier.refusalOf(request, changed, strict)).toBe('signed with another key')
    }
  })

  test('of an older dfhf are told apart from none', () => {
    const old = `v1 ${start} ${'0'.repeat(32)} ${self} ${'0'.repeat(64)}`
    expect(verifierAt({ now: start }).refusalOf(request, old, strict)).toBe(
      'signed by another version of dfhf',
    )
  })

  test('are refused rather than forgotten when too many come', () => {
    const clock = { now: start }
    const verifier = verifierAt(clock, { maxNonces: 2 })
    const send = () =>
      verifier.refusalOf(request, signRequest(key, request, { to: self, at, now: clock.now }), strict)
    expect([send(), send(), send()]).toEqual([undefined, undefined, 'too many requests'])
    clock.now += 60_001
    expect(send()).toBeUndefined()
  })
})

describe('cluster key', () => {
  test('has a fingerprint that depends on the key alone and does not hold it', () => {
    expect(createClusterKey('  correct horse battery staple\n').fingerprint).toBe(key.fingerprint)
    expect(createClusterKey('correct horse battery stapler').fingerprint).not.toBe(key.fingerprint)
    expect(key.fingerprint).toMatch(/^[0-9a-f]{16}$/)
    expect(JSON.stringify(key)).not.toContain('horse')
  })

  test('is refused when it is too short', () => {
    expect(() => createClusterKey('short')).toThrow('a cluster key has 16 to 4096 characters, not 5')
  })
})

describe('cluster key file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-key-'))
  const path = join(folder, 'key')
  afterAll(() => rm(folder, { recursive: true }))

  async function warningsFor(mode: number): Promise<string[]> {
    await writeFile(path, 'correct horse battery staple\n')
    await chmod(path, mode)
    const warnings: string[] = []
    const log = { debug() {}, info() {}, warn: (text: string) => warnings.push(text) }
    expect((await readClusterKey(path, log)).fingerprint).toBe(key.fingerprint)
    return warnings
  }

  test('is read without the white space around the key', async () => {
    expect(await warningsFor(0o600)).toEqual([])
  })

  test('brings a warning when others can read it', async () => {
    expect(await warningsFor(0o640)).toEqual([
      `the cluster key file ${path} is readable by others: chmod 600 ${path}`,
    ])
  })

  test('brings a usage error when it is not there', async () => {
    const log = { debug() {}, info() {}, warn() {} }
    await expect(readClusterKey(join(folder, 'none'), log)).rejects.toMatchObject({ code: 'usage' })
  })
})
