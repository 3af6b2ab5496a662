import { expect, test } from 'bun:test'
import { AllowedClients } from '../../src/gateway/access/allowed-clients.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

test('without a range every machine is a client', () => {
  const all = new AllowedClients([])
  for (const address of ['10.1.2.3', 'fe80::1%eth0', '203.0.113.5']) expect(all.has(address)).toBe(true)
})

test('with ranges a client is this machine or in one of them', () => {
  const some = new AllowedClients(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '2001:db8::1'])
  const inside = ['127.0.0.1', '127.9.9.9', '::1', '10.255.0.1', '::ffff:10.0.0.1', '192.0.2.7', 'fd12::3']
  for (const address of [...inside, 'fd12::3%eth0', '2001:db8::1'])
    expect([address, some.has(address)]).toEqual([address, true])
  const outside = ['11.0.0.1', '192.0.2.8', '2001:db8::2', '::ffff:11.0.0.1', '::10.0.0.1', '', 'x']
  for (const address of outside) expect([address, some.has(address)]).toEqual([address, false])
})

test('a range that is none is refused before anything listens', async () => {
  for (const bad of [
    '10.0.0.0/33',
    '10.1/8',
    'fd00::/129',
    'node',
    '10.0.0.0/',
    '0x0a000001',
    '10.0.0.0/-1',
    '',
  ])
    expect(await thrownBy(async () => new AllowedClients([bad]))).toMatchObject({ code: 'usage' })
})
