import { expect, test } from 'bun:test'
import { isLoopbackAddress, isLoopbackHost } from '../../src/base/loopback.ts'

const addresses = ['127.0.0.1', '127.255.1.2', '::1']
const names = ['localhost', 'LOCALHOST', 'a.localhost', '[::1]']
const others = [
  '',
  '10.0.0.1',
  '127.0.0.1.test',
  '127.evil.test',
  '127.1',
  '0177.0.0.1',
  'localhost.test',
  '::2',
  '::ffff:127.0.0.1',
]

test('addresses of every host itself are told from all others', () => {
  expect([...addresses, ...names, ...others].filter(isLoopbackAddress)).toEqual(addresses)
})

test('names of this machine count where a host name may stand, and what only looks like one does not', () => {
  expect([...addresses, ...names, ...others].filter(isLoopbackHost)).toEqual([...addresses, ...names])
})
