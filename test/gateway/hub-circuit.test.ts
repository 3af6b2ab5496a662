import { expect, test } from 'bun:test'
import { HubCircuit } from '../../src/gateway/mirror/hub-circuit.ts'

function circuitOf() {
  const lines: string[] = []
  const say = (text: string) => void lines.push(text)
  const log = { debug: say, info: say, warn: say }
  const clock = { now: 0 }
  return { circuit: new HubCircuit(log, () => clock.now), lines, clock }
}

test('the Hub is away from a failure at any request until it has answered one', () => {
  const { circuit, lines } = circuitOf()
  const seen = [503, 500, 404, 0, 407, 200, 429].map((status) => {
    circuit.answered(status, status === 0 ? new Error('no way there') : undefined)
    return circuit.isWell
  })
  expect(seen).toEqual([false, false, true, false, false, true, true])
  expect(lines).toEqual([
    'the Hub fails: it answered 503',
    'the Hub answers again',
    'the Hub fails: no way there',
    'the Hub answers again',
  ])
})

test('a limit changes nothing', () => {
  const { circuit } = circuitOf()
  circuit.answered(500)
  circuit.answered(429)
  expect(circuit.isWell).toBe(false)
})

test('only what fails for clients has them wait for less', () => {
  const { circuit, clock } = circuitOf()
  circuit.answered(500)
  expect(circuit.isBad).toBe(false)
  circuit.failed('it answered 500')
  circuit.answered(200)
  expect([circuit.isBad, circuit.isWell]).toEqual([true, true])
  clock.now = 6_000
  expect(circuit.isBad).toBe(false)
})
