import { expect, test } from 'bun:test'
import { isPublicAddress } from '../../src/gateway/access/public-address.ts'

test.each([
  ['IPv4-compatible', '::7f00:1'],
  ['IPv4-compatible, with dots', '::8.8.8.8'],
  ['translated by SIIT', '::ffff:0:7f00:1'],
  ['translated by NAT64', '64:ff9b::7f00:1'],
  ['translated by a NAT64 of this network', '64:ff9b:1::7f00:1'],
  ['6to4 to this machine', '2002:7f00:1::1'],
  ['6to4 to any other', '2002:808:808::1'],
  ['6to4 relay', '192.88.99.1'],
  ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['site-local', 'fec0::1'],
  ['discarded', '100::1'],
  ['not given out', '4000::1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['for examples', '203.0.113.7'],
])('an address that is %s is not out on the internet: %s', (_what, address) => {
  expect(isPublicAddress(address)).toBe(false)
})
