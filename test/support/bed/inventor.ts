// `bun test/support/bed/inventor.ts ADDRESS COUNT`: announces so many peers that do not exist, at addresses of its network, and
// says when it is through; then it goes on for ever.

import multicastDns from 'multicast-dns'
import { announcementOf } from '../../../src/swarm/discovery/dns-sd.ts'
import { HEARTBEAT_MS } from '../../../src/swarm/membership/membership-options.ts'
import { createPeerId, type PeerInfo } from '../../../src/swarm/protocol/peer-info.ts'

/** Peers in one packet. */
const AT_ONCE = 4
const [address = '', count = ''] = process.argv.slice(2)
const dns = multicastDns({ interface: address, bind: '0.0.0.0', reuseAddr: true })

function invented(n: number): PeerInfo {
  return {
    id: createPeerId(),
    name: `invented-${n}`,
    addresses: [`10.87.${100 + (n >> 8)}.${n & 255}`],
    port: 65002,
    version: '0.1.0',
    clusterFingerprint: undefined,
    role: 'serve',
    fetchesForPeers: true,
    usesTls: false,
  }
}

async function announce(peers: readonly PeerInfo[]): Promise<void> {
  const packets = peers.map((peer) => announcementOf(peer, peer.addresses, 3600))
  const answers = packets.flatMap((packet) => packet.answers ?? [])
  await new Promise((resolve) => dns.respond({ answers }, undefined, resolve))
}

dns.on('ready', async () => {
  const peers = Array.from({ length: Number(count) }, (_, n) => invented(n))
  for (let round = 0; ; round += 1) {
    // As often as a peer announces itself.
    if (round > 0) await Bun.sleep(HEARTBEAT_MS)
    for (let at = 0; at < peers.length; at += AT_ONCE) await announce(peers.slice(at, at + AT_ONCE))
    if (round === 0) process.stdout.write('through\n')
  }
})
