import { expect, test } from 'bun:test'
import { hubMembers } from '../../src/schedule/ownership.ts'
import { MAX_HUB_MEMBERS } from '../../src/schedule/tuning.ts'
import { TopAskers } from '../../src/swarm/server/top-askers.ts'
import { peerId, sampleOid } from './samples.ts'

test('the highest-ranked peers are known among however many ask, in whatever order', () => {
  const ids = Array.from({ length: 500 }, (_, n) => peerId(n))
  const askers = new TopAskers()
  for (const id of ids) askers.note(sampleOid(), id)
  const top = hubMembers(sampleOid(), ids)
  expect(top).toHaveLength(MAX_HUB_MEMBERS)
  expect(ids.filter((id) => askers.note(sampleOid(), id)).toSorted()).toEqual(
    ids.filter((id) => top.includes(id)).toSorted(),
  )
})

test('all that ask are among them while they are few, for each blob apart', () => {
  const askers = new TopAskers()
  for (let n = 0; n < MAX_HUB_MEMBERS; n += 1) expect(askers.note(sampleOid('a'), peerId(n))).toBe(true)
  for (let n = 0; n < 100; n += 1) askers.note(sampleOid('a'), peerId(n))
  for (let n = 90; n < 100; n += 1) expect(askers.note(sampleOid('b'), peerId(n))).toBe(true)
})
