import { expect, test } from 'bun:test'
import { withoutXet } from '../../src/gateway/mirror/without-xet.ts'

test('Xet hashes leave JSON wherever they stand, and look-alikes stay', () => {
  expect(withoutXet('{"a":1,"xetHash":"ff","b":2}')).toBe('{"a":1,"b":2}')
  expect(withoutXet('[{"xetHash":"ff","b":2},{"xetHash":null}]')).toBe('[{"b":2},{}]')
  const tricky = JSON.stringify({ path: '"xetHash":"ff",', xetHash2: 'x' })
  expect(withoutXet(tricky)).toBe(tricky)
})
