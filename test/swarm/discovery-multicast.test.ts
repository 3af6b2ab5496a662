import { afterEach, describe, expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import multicastDns, { type DnsPacket } from 'multicast-dns'
import { MulticastDiscovery, type MulticastOptions } from '../../src/swarm/discovery/discovery-multicast.ts'
import { announcedIn, announcementOf, answerTo, SERVICE } from '../../src/swarm/discovery/dns-sd.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { peerId, samplePeer } from './samples.ts'

const loopback = { name: 'lo', address: '127.0.0.1', addresses: ['127.0.0.1'] }
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** Collects what arrives and lets a test wait for it. */
class Mailbox<T> {
  readonly #mail: T[] = []
  #arrived = () => {}

  readonly put = (item: T) => {
    this.#mail.push(item)
    this.#arrived()
  }

  async find(isWanted: (item: T) => boolean): Promise<T> {
    for (;;) {
      const found = this.#mail.find(isWanted)
      if (found) return found
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
  }
}

/** A port that the nodes of one test share; a socket keeps others from it to the end of the test. */
async function ownPort(): Promise<number> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  stops.push(() => socket.close())
  await new Promise<void>((resolve) => socket.bind(0, () => resolve()))
  return socket.address().port
}

interface Node {
  readonly discovery: MulticastDiscovery
  readonly peers: Mailbox<PeerInfo>
  readonly byes: Mailbox<string>
}

function start(n: number, port: number, options: Partial<MulticastOptions> = {}): Node {
  const [peers, byes] = [new Mailbox<PeerInfo>(), new Mailbox<string>()]
  const discovery = new MulticastDiscovery({
    self: () => samplePeer(n, { addresses: [] }),
    onPeer: peers.put,
    onBye: (id, address) => byes.put(`${id} ${address}`),
    port,
    interfaces: () => [loopback],
    ...options,
  })
  discovery.start()
  stops.push(() => discovery.stop())
  return { discovery, peers, byes }
}

describe('multicast discovery', () => {
  test('lets two processes on one host find each other at once, and part with a goodbye', async () => {
    const port = await ownPort()
    const [a, b] = [start(1, port), start(2, port)]
    expect(await a.peers.find(({ id }) => id === peerId(2))).toEqual(
      samplePeer(2, { addresses: ['127.0.0.1'] }),
    )
    expect(await b.peers.find(({ id }) => id === peerId(1))).toEqual(
      samplePeer(1, { addresses: ['127.0.0.1'] }),
    )
    await b.discovery.stop()
    await a.byes.find((bye) => bye === `${peerId(2)} 127.0.0.1`)
  })

  test('finds those that were there long before', async () => {
    const port = await ownPort()
    const witness = start(3, port)
    start(1, port, { heartbeatMs: 3_600_000 })
    await witness.peers.find(({ id }) => id === peerId(1))
    const late = start(2, port)
    await late.peers.find(({ id }) => id === peerId(1))
  })

  test('gives the addresses that it was told to give', async () => {
    const port = await ownPort()
    start(1, port, { self: () => samplePeer(1, { addresses: ['192.0.2.7'] }) })
    const b = start(2, port)
    expect(await b.peers.find(() => true)).toMatchObject({ addresses: ['192.0.2.7'] })
  })

  test('tells the zone of a peer', async () => {
    const port = await ownPort()
    start(1, port, { self: () => samplePeer(1, { addresses: ['192.0.2.7'], zone: 'rack-1' }) })
    const b = start(2, port)
    expect(await b.peers.find(() => true)).toMatchObject({ zone: 'rack-1' })
  })

  test('answers a resolver that browses for services and passes over what is not meant for it', async () => {
    const port = await ownPort()
    start(1, port)
    const browser = multicastDns({ interface: '127.0.0.1', bind: '0.0.0.0', port, reuseAddr: true })
    stops.push(() => browser.destroy())
    const answers = new Mailbox<DnsPacket>()
    browser.on('response', answers.put)
    browser.on('ready', () => {
      browser.query({ questions: [{ name: '_http._tcp.local', type: 'PTR' }] })
      browser.query({ questions: [{ name: '_services._dns-sd._udp.local', type: 'PTR' }] })
    })
    const isAboutServices = ({ answers = [] }: DnsPacket) =>
      answers.some(({ name }) => name.startsWith('_services'))
    expect((await answers.find(isAboutServices)).answers?.[0]).toMatchObject({ type: 'PTR', data: SERVICE })
  })

  test('goes on after packets that are no DNS', async () => {
    const port = await ownPort()
    const [a] = [start(1, port)]
    const socket = createSocket('udp4')
    stops.push(() => socket.close())
    await new Promise<void>((resolve) => socket.bind(0, () => resolve()))
    await new Promise((resolve) => socket.send(Buffer.from('garbage'), port, '127.0.0.1', resolve))
    start(2, port)
    await a.peers.find(({ id }) => id === peerId(2))
  })

  test('is no more than a debug line where it cannot work', async () => {
    const log = new Mailbox<string>()
    const none = { name: 'gone0', address: '203.0.113.77', addresses: ['203.0.113.77'] }
    const options = { interfaces: () => [none], log: { debug: log.put, info() {}, warn() {} } }
    start(1, await ownPort(), options)
    await log.find(
      (line) => line.startsWith('multicast on gone0') || line.startsWith('no multicast on gone0'),
    )
  })

  test('knows when those that are there have answered', async () => {
    const port = await ownPort()
    start(1, port, { heartbeatMs: 3_600_000 })
    const heard: string[] = []
    const late = start(2, port, { onPeer: ({ id }) => heard.push(id) })
    await late.discovery.answered()
    expect(heard).toContain(peerId(1))
  })

  test('waits for no answers where it cannot ask', async () => {
    const none = { name: 'gone0', address: '203.0.113.77', addresses: ['203.0.113.77'] }
    await start(1, await ownPort(), { interfaces: () => [none] }).discovery.answered()
    await start(1, await ownPort(), { interfaces: () => [] }).discovery.answered()
  })

  test('uses interfaces that come up later', async () => {
    const port = await ownPort()
    const present: (typeof loopback)[] = []
    const a = start(1, port, { interfaces: () => present })
    start(2, port)
    present.push(loopback)
    a.discovery.checkInterfaces()
    await a.peers.find(({ id }) => id === peerId(2))
  })
})

describe('DNS-SD records', () => {
  test('bring a peer over unchanged', () => {
    const peer = samplePeer(1, {
      name: 'büro.example',
      addresses: ['10.0.0.1', 'fd00::1'],
      role: 'serve',
      clusterFingerprint: 'abcdefabcdefabcd',
      fetchesForPeers: true,
      usesTls: true,
    })
    const packet = announcementOf(peer, peer.addresses, 15)
    expect(announcedIn(packet, '10.0.0.1')).toEqual([{ peer, isLeaving: false }])
    expect(announcedIn(announcementOf(peer, [], 0), '10.0.0.9')).toEqual([
      { peer: { ...peer, addresses: ['10.0.0.9'] }, isLeaving: true },
    ])
  })

  test('of a neighbour never name our own loopback', () => {
    const packet = announcementOf(samplePeer(1), ['127.0.0.1', '10.0.0.1'], 15)
    expect(announcedIn(packet, '10.0.0.1')[0]?.peer.addresses).toEqual(['10.0.0.1'])
  })

  test('that are malformed are passed over', () => {
    const packet = announcementOf(samplePeer(1), ['10.0.0.1'], 15)
    const broken = [
      packet.answers?.filter(({ type }) => type !== 'TXT'),
      packet.answers?.map((record) => (record.type === 'TXT' ? { ...record, data: ['id=../..'] } : record)),
      packet.answers?.map((record) => (record.type === 'SRV' ? { ...record, data: null } : record)),
      packet.answers?.map((record) => ({ ...record, name: 'x._http._tcp.local' })),
    ]
    for (const answers of broken) expect(announcedIn({ answers: answers ?? [] }, '10.0.0.1')).toEqual([])
  })

  test('are given for our names alone, in any case', () => {
    const self = samplePeer(1)
    const answer = (name: string) => answerTo([{ name, type: 'PTR' }], self)
    expect(answer('_DFHF._tcp.local')).toBe('announcement')
    expect(answer(`dfhf-${self.id}.local`)).toBe('announcement')
    expect(answer('_services._dns-sd._udp.local')).toBe('service')
    expect(answer('_ipp._tcp.local')).toBeUndefined()
  })
})
