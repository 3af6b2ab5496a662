import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { pieceCountOf } from '../../src/blob/pieces.ts'
import { RemotePieces } from '../../src/swarm/client/remote-pieces.ts'
import {
  decodePeer,
  encodePeer,
  fromPeerHeader,
  seenThrough,
  toPeerHeader,
  toPeerName,
} from '../../src/swarm/protocol/peer-info.ts'
import { encodeMessage, fromLoadHeader, PiecesDecoder } from '../../src/swarm/protocol/peer-wire.ts'
import { PiecesCursor, type PiecesView } from '../../src/swarm/protocol/pieces-cursor.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const oid = sampleOid()
const MIB = 2 ** 20
const digest = 'ab'.repeat(32)

const document = {
  v: 1,
  oid,
  peer: peerId(1),
  load: { active: 1, limit: 32 },
  size: 10 * MIB,
  pieceSize: MIB,
  have: '/8A=',
  fetching: [],
  digests: { 5: digest },
}

function decode(value: unknown, options: { readonly size?: number } = {}) {
  return new PiecesDecoder(oid, 'host-1', options).decode(JSON.stringify(value))
}

const peers = fc
  .record({
    n: fc.nat(5000),
    name: fc.string({ unit: 'grapheme', maxLength: 40 }),
    port: fc.integer({ min: 1, max: 65535 }),
    role: fc.constantFrom('download' as const, 'serve' as const),
    fetchesForPeers: fc.boolean(),
    usesTls: fc.boolean(),
    zone: fc.option(fc.stringMatching(/^[\w.-]{1,63}$/), { nil: undefined }),
    addresses: fc.array(fc.oneof(fc.ipV4(), fc.constant('fd00::2')), { maxLength: 8 }),
    clusterFingerprint: fc.option(fc.stringMatching(/^[0-9a-f]{16}$/), { nil: undefined }),
  })
  .map(({ n, name, ...rest }) => samplePeer(n, { name: toPeerName(name), ...rest }))

/** A blob as it grows: each step says which pieces are there, being fetched and hashed. */
const views = fc
  .record({ size: fc.integer({ min: 0, max: 40 * MIB }), steps: fc.integer({ min: 1, max: 6 }) })
  .chain(({ size, steps }) => {
    const indices = fc.uniqueArray(fc.nat(Math.max(0, pieceCountOf(size) - 1)))
    const some = pieceCountOf(size) === 0 ? fc.constant<number[]>([]) : indices
    const step = fc.record({
      have: some,
      fetching: some,
      hashed: some,
      members: fc.array(peers, { maxLength: 5 }),
      isHere: fc.boolean(),
      asksHub: fc.boolean(),
    })
    return fc.array(step, { minLength: steps, maxLength: steps }).map((list) => ({ size, list }))
  })

describe('peer wire', () => {
  test('brings a watcher to the same state as the blob, whatever changes in between', () => {
    fc.assert(
      fc.property(views, ({ size, list }) => {
        const cursor = new PiecesCursor(oid, peerId(1))
        const decoder = new PiecesDecoder(oid, 'host-1', { size })
        const remote = new RemotePieces()
        let wasHere = false
        for (const step of list) {
          const pieces = new Bitmap(pieceCountOf(size))
          for (const index of step.have) pieces.add(index)
          const digests = new Map(step.hashed.filter((index) => pieces.has(index)).map((i) => [i, digest]))
          wasHere ||= step.isHere
          const blob = wasHere
            ? { size, pieces, fetching: step.fetching, digests, asksHub: step.asksHub }
            : undefined
          const view: PiecesView = { blob, members: step.members, load: { active: 0, limit: 1 } }
          for (let message = cursor.next(view); message; message = cursor.next(view))
            remote.apply(decoder.decode(encodeMessage(message)))
          if (!blob) {
            expect(remote.pieces).toBeUndefined()
            continue
          }
          expect(remote.pieces?.toBase64()).toBe(pieces.toBase64())
          expect(remote.asksHub).toBe(step.asksHub)
          expect(remote.fetching).toEqual(step.fetching)
          for (const index of digests.keys()) expect(remote.digests.get(index)).toBe(digest)
        }
      }),
    )
  })

  test('tells a digest again when the bytes turned out to be others', () => {
    const cursor = new PiecesCursor(oid, peerId(1))
    const pieces = new Bitmap(3)
    for (const piece of [0, 1]) pieces.add(piece)
    const view = (digests: ReadonlyMap<number, string>): PiecesView => ({
      blob: { size: 3 * 2 ** 20, pieces, fetching: [], digests, asksHub: true },
      members: [],
      load: { active: 0, limit: 1 },
    })
    const first = new Map([[0, digest]])
    expect(cursor.next(view(first))).toMatchObject({ blob: { digests: new Map([[0, digest]]) } })
    first.set(1, digest)
    expect(cursor.next(view(first))).toMatchObject({ digests: new Map([[1, digest]]) })
    expect(cursor.next(view(first))).toBeUndefined()
    const corrected = 'b'.repeat(64)
    const second = new Map([
      [0, digest],
      [1, corrected],
    ])
    expect(cursor.next(view(second))).toMatchObject({ digests: new Map([[1, corrected]]) })
  })

  test('throws nothing but DfhfError at arbitrary lines', () => {
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record(
          Object.fromEntries(
            Object.entries(document).map(([key, value]) => [
              key,
              fc.oneof(fc.constant(value), fc.jsonValue()),
            ]),
          ),
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(fc.array(lines, { maxLength: 4 }), (list) => {
        const decoder = new PiecesDecoder(oid, 'host-1')
        for (const line of list) {
          try {
            decoder.decode(line)
          } catch (error) {
            expect(error).toBeInstanceOf(DfhfError)
            expect(String(error)).toContain('peer host-1 sent')
          }
        }
      }),
    )
  })

  test('reads back every peer that it writes', () => {
    fc.assert(
      fc.property(peers, (peer) => {
        expect(decodePeer(JSON.parse(JSON.stringify(encodePeer(peer))), 'test')).toEqual(peer)
        const plain = { ...peer, addresses: [] }
        expect(fromPeerHeader(toPeerHeader(plain), '10.1.2.3')).toEqual({ ...peer, addresses: ['10.1.2.3'] })
        const advertised = { ...peer, addresses: ['10.9.9.9'] }
        expect(fromPeerHeader(toPeerHeader(advertised), '10.1.2.3').addresses).toEqual([
          '10.9.9.9',
          '10.1.2.3',
        ])
      }),
    )
  })

  test('refuses arbitrary peer headers with a DfhfError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json().map(encodeURIComponent)), (header) => {
        expect(() => fromPeerHeader(header, '10.1.2.3')).toThrow(DfhfError)
      }),
    )
  })

  test.each([
    ['another blob', { oid: sampleOid('other') }],
    ['another piece size', { pieceSize: 2 * MIB }],
    ['a size beyond reason', { size: 2 ** 53 }],
    ['a bitmap that is too long', { have: '/8AA' }],
    ['a bit beyond the last piece', { have: '//8=' }],
    ['a piece that does not exist as being fetched', { fetching: [10] }],
    ['a digest of a piece that does not exist', { digests: { 10: digest } }],
    ['a digest that is none', { digests: { 1: 'zz' } }],
    ['a load that is none', { load: { active: -1, limit: 3 } }],
    ['too many members', { members: Array.from({ length: 65 }, (_, n) => samplePeer(n)) }],
    ['a member with a name that could drive a terminal', { members: [samplePeer(1, { name: '\u001b[2J' })] }],
    ['a member at a host name', { members: [samplePeer(1, { addresses: ['evil.example'] })] }],
  ])('refuses %s', (_, change) => {
    expect(() => decode({ ...document, ...change })).toThrow('peer host-1 sent')
  })

  test('refuses a size that is not the one the Hub told', () => {
    expect(() => decode(document, { size: 11 * MIB })).toThrow(
      'a size of 10485760 bytes where 11534336 is right',
    )
    expect(decode(document, { size: 10 * MIB })).toMatchObject({ blob: { size: 10 * MIB } })
  })

  test('refuses a delta before the document', () => {
    expect(() => decode({ have: [1] })).toThrow('peer host-1 sent')
  })

  test('refuses a line that is too long', () => {
    const decoder = new PiecesDecoder(oid, 'host-1')
    expect(() => decoder.decode(`{"a":"${'x'.repeat(2 ** 21)}"}`)).toThrow('more than')
  })

  test('introduces members without having anything of the blob', () => {
    const cursor = new PiecesCursor(oid, peerId(1))
    const load = { active: 0, limit: 32 }
    const first = cursor.next({ blob: undefined, members: [samplePeer(2)], load })
    expect(first).toMatchObject({ type: 'document', blob: undefined, members: [samplePeer(2)] })
    expect(cursor.next({ blob: undefined, members: [samplePeer(2)], load })).toBeUndefined()
    const next = cursor.next({ blob: undefined, members: [samplePeer(2), samplePeer(3)], load })
    expect(next).toMatchObject({ type: 'delta', members: [samplePeer(3)] })
  })

  test('takes a loopback address of a peer for an address of the host that told of it', () => {
    const peer = samplePeer(1, { addresses: ['127.0.0.1', '10.0.0.9'] })
    expect(seenThrough(peer, '10.0.0.7').addresses).toEqual(['10.0.0.7', '10.0.0.9'])
    expect(seenThrough(peer, '127.0.0.1').addresses).toEqual(['127.0.0.1', '10.0.0.9'])
  })

  test('reads a load header, and nothing else as one', () => {
    expect(fromLoadHeader('3/32')).toEqual({ active: 3, limit: 32 })
    for (const bad of [null, undefined, '', '3', '-1/2', '1/2/3', `${10 ** 9}/1`]) {
      expect(fromLoadHeader(bad)).toBeUndefined()
    }
  })
})
