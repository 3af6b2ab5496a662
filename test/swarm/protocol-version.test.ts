import { expect, test } from 'bun:test'
import { announcedIn, announcementOf } from '../../src/swarm/discovery/dns-sd.ts'
import { otherProtocol, PEER_PROTOCOL } from '../../src/swarm/protocol/protocol-version.ts'
import { samplePeer } from './samples.ts'

test('a peer that tells no version speaks the first one', () => {
  expect([otherProtocol(undefined), otherProtocol(null), otherProtocol(String(PEER_PROTOCOL))]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('another version is named, and what is no version is unknown', () => {
  expect(['2', '999999', '1.5', '', '-1', '12345678', 'x\u001b[2J'].map(otherProtocol)).toEqual([
    '2',
    '999999',
    'unknown',
    'unknown',
    'unknown',
    'unknown',
    'unknown',
  ])
})

test('an announcement tells the version', () => {
  const packet = announcementOf(samplePeer(1), ['10.0.0.1'], 120)
  expect(announcedIn(packet, '10.0.0.1')[0]?.otherProtocol).toBeUndefined()
  const later = JSON.parse(JSON.stringify(packet).replace(`protocol=${PEER_PROTOCOL}`, 'protocol=2'))
  expect(announcedIn(later, '10.0.0.1')[0]?.otherProtocol).toBe('2')
})
