import { describe, expect, test } from 'bun:test'
import { OwnAddresses, type OwnAddressesOptions } from '../../src/swarm/discovery/own-addresses.ts'

function own(options: Partial<OwnAddressesOptions> = {}): OwnAddresses {
  const interfaces = () => ['127.0.0.1', '10.0.0.1', 'fd00::1']
  return new OwnAddresses({ usesTls: false, port: () => 65002, interfaces, ...options })
}

describe('the own addresses of a peer', () => {
  test('are those of its interfaces with its port, IPv6 and mapped IPv4 in any spelling', () => {
    for (const at of ['10.0.0.1', '[fd00::1]', '[FD00:0:0::1]', '[::ffff:10.0.0.1]'])
      expect([at, own().has(`http://${at}:65002`, '10.0.0.9')]).toEqual([at, true])
  })

  test('are neither those of other hosts, nor other ports, nor the other scheme', () => {
    for (const at of [
      'http://10.0.0.2:65002',
      'http://10.0.0.1:7001',
      'https://10.0.0.1:65002',
      'http://x:65002',
      'http://',
    ])
      expect([at, own().has(at, '10.0.0.9')]).toEqual([at, false])
    expect(own({ usesTls: true }).has('https://10.0.0.1:65002', '10.0.0.9')).toBe(true)
    expect(own({ usesTls: true }).has('http://10.0.0.1:65002', '10.0.0.9')).toBe(false)
  })

  test('hold loopback for a sender on this machine alone', () => {
    expect(own().has('http://127.0.0.1:65002', '127.0.0.1')).toBe(true)
    expect(own().has('http://127.0.0.1:65002', '10.0.0.9')).toBe(false)
    expect(own().has('http://[::1]:65002', '::1')).toBe(true)
  })

  test('hold the one that others are told, behind which the machine is', () => {
    const behind = own({ advertise: { host: '198.51.100.7', port: 30002 } })
    expect(behind.has('http://198.51.100.7:30002', '10.0.0.9')).toBe(true)
    expect(behind.has('http://198.51.100.7:65002', '10.0.0.9')).toBe(false)
    expect(behind.has('http://198.51.100.8:30002', '10.0.0.9')).toBe(false)
    expect(behind.has('http://10.0.0.1:65002', '10.0.0.9')).toBe(true)
  })

  test('follow the interfaces, looked at a bounded number of times', () => {
    let [now, looks] = [0, 0]
    let hosts = ['10.0.0.1']
    const moving = own({
      now: () => now,
      interfaces: () => {
        looks += 1
        return hosts
      },
    })
    expect(moving.has('http://10.0.0.5:65002', '10.0.0.9')).toBe(false)
    hosts = ['10.0.0.5']
    for (let n = 0; n < 100; n += 1) moving.has('http://10.0.0.5:65002', '10.0.0.9')
    expect(looks).toBe(1)
    now = 1000
    expect(moving.has('http://10.0.0.5:65002', '10.0.0.9')).toBe(true)
  })
})
