import { expect, test } from 'bun:test'
import { KnownDigests } from '../../src/peer/known-digests.ts'
import { sampleOid } from '../swarm/samples.ts'

const pieces = Array.from({ length: 10 }, (_, piece) => piece)

test('a digest is computed once, until the blob changes', async () => {
  const known = new KnownDigests()
  const oid = sampleOid()
  const computed: number[] = []
  const compute = async (piece: number) => {
    computed.push(piece)
    return piece % 2 === 0 ? `digest ${piece}` : undefined
  }
  const first = await known.digestsOf(oid, pieces, compute)
  expect([...first.keys()]).toEqual([0, 2, 4, 6, 8])
  expect(await known.digestsOf(oid, [0, 2, 4], compute)).toEqual(
    new Map([0, 2, 4].map((piece) => [piece, `digest ${piece}`])),
  )
  expect(computed).toEqual(pieces)
  known.forget(oid)
  expect(known.count).toBe(0)
  await known.digestsOf(oid, [0], compute)
  expect(computed).toHaveLength(11)
})

test('of more blobs than it holds those asked for last are remembered, in bounded memory', async () => {
  const known = new KnownDigests(25)
  for (let n = 0; n < 100; n += 1) await known.digestsOf(sampleOid(`blob ${n}`), pieces, async () => 'digest')
  expect(known.count).toBeLessThanOrEqual(25)
  let isAsked = false
  await known.digestsOf(sampleOid('blob 99'), pieces, async () => {
    isAsked = true
    return 'digest'
  })
  expect(isAsked).toBe(false)
})

test('a blob of more pieces than fit is answered for all the same', async () => {
  const known = new KnownDigests(5)
  const found = await known.digestsOf(sampleOid(), pieces, async () => 'digest')
  expect(found.size).toBe(10)
  expect(known.count).toBeLessThanOrEqual(5)
})
