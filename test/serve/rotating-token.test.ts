import { expect, test } from 'bun:test'
import { RotatingToken } from '../../src/serve/rotating-token.ts'

function tokenOf(first: string) {
  const clock = { now: 1_000 }
  return { token: new RotatingToken(first, () => clock.now), clock }
}

test('a token that was replaced is accepted for two more minutes', () => {
  const { token, clock } = tokenOf('a')
  expect(token.accepted()).toEqual(['a'])
  token.turnTo('b')
  expect(token.accepted()).toEqual(['b', 'a'])
  clock.now += 119_999
  expect(token.accepted()).toEqual(['b', 'a'])
  clock.now += 1
  expect(token.accepted()).toEqual(['b'])
})

test('a file that is written again with the same token begins no new time', () => {
  const { token, clock } = tokenOf('a')
  token.turnTo('b')
  clock.now += 100_000
  token.turnTo('b')
  clock.now += 20_000
  expect(token.accepted()).toEqual(['b'])
})

test('of three tokens the oldest is accepted no longer', () => {
  const { token } = tokenOf('a')
  token.turnTo('b')
  token.turnTo('c')
  expect(token.accepted()).toEqual(['c', 'b'])
})

test('a token that was withdrawn is accepted at once no longer, nor after a new one came', () => {
  const { token } = tokenOf('a')
  token.turnTo('b')
  token.turnTo(undefined)
  expect(token.accepted()).toEqual([])
  token.turnTo('c')
  expect(token.accepted()).toEqual(['c'])
})
