import { expect, test } from 'bun:test'
import { plainAddress } from '../../src/base/plain-address.ts'

test.each([
  ['::ffff:10.0.0.7', '10.0.0.7'],
  ['::FFFF:10.0.0.7', '10.0.0.7'],
  ['::ffff:a00:7', '10.0.0.7'],
  ['0:0:0:0:0:ffff:a00:7', '10.0.0.7'],
  ['10.0.0.7', '10.0.0.7'],
  ['2001:DB8::1', '2001:DB8::1'],
  ['fe80::1%eth0', 'fe80::1%eth0'],
  ['::10.0.0.7', '::10.0.0.7'],
  ['name.test', 'name.test'],
  ['', ''],
])('%s is told as %s', (address, plain) => {
  expect(plainAddress(address)).toBe(plain)
})
