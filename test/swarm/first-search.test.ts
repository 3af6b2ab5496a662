import { expect, test } from 'bun:test'
import { isFirstSearchOver, type SearchState } from '../../src/swarm/discovery/first-search.ts'

const start: SearchState = { elapsedMs: 0, hasPeer: false, hasTriedSeeds: false, isMulticast: false }
const isOver = (state: Partial<SearchState>) => isFirstSearchOver({ ...start, ...state })

test('the first search goes on until a peer is met, all was asked once, or its time is over', () => {
  expect(isOver({})).toBe(false)
  expect(isOver({ hasPeer: true })).toBe(true)
  expect(isOver({ hasTriedSeeds: true })).toBe(true)
  expect(isOver({ elapsedMs: 14_999 })).toBe(false)
  expect(isOver({ elapsedMs: 15_000 })).toBe(true)
})

test('peers on the local network get a moment to answer', () => {
  expect(isOver({ hasTriedSeeds: true, isMulticast: true, elapsedMs: 1_999 })).toBe(false)
  expect(isOver({ hasTriedSeeds: true, isMulticast: true, elapsedMs: 2_000 })).toBe(true)
  expect(isOver({ isMulticast: true, elapsedMs: 2_000 })).toBe(false)
})
