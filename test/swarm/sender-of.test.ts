import { expect, test } from 'bun:test'
import { senderOf } from '../../src/swarm/trust/sender-of.ts'

test('addresses that one host can have at will are one sender', () => {
  expect(senderOf('2001:db8:0:1::5')).toBe(senderOf('2001:DB8::1:ffff:2:3:4'))
  expect(senderOf('2001:db8::1')).toBe(senderOf('2001:db8::2'))
  expect(senderOf('2001:db8:0:1::5')).not.toBe(senderOf('2001:db8:0:2::5'))
})

test('neighbours are senders of their own', () => {
  for (const address of ['10.0.0.1', '::1', 'fe80::1%eth0', 'fe80::1', ''])
    expect(senderOf(address)).toBe(address)
})
