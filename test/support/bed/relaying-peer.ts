// `bun test/support/bed/relaying-peer.ts ADDRESS TALLY`: a host without any key that announces the id of the first daemon it
// hears at its own address, in clear, passes on what comes, and keeps the answers. TALLY is a file that says how many.

import { writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import multicastDns from 'multicast-dns'
import { announcedIn, announcementOf, whoIsThere } from '../../../src/swarm/discovery/dns-sd.ts'
import type { PeerInfo } from '../../../src/swarm/protocol/peer-info.ts'

/** Where it waits for those whom it deceives. */
const PORT = 7001
const [address = '', tallyFile = ''] = process.argv.slice(2)
/** What came to it: connections, requests, how much of blobs was answered, and questions that name a repo. */
const tally = { connections: 0, requests: 0, blobBytes: 0, repos: 0 }
const write = () => writeFileSync(tallyFile, JSON.stringify(tally))
let victim: PeerInfo | undefined

const dns = multicastDns({ interface: address, bind: '0.0.0.0', reuseAddr: true })
dns.on('response', (packet, from) => {
  if (victim || from.address === address) return
  victim = announcedIn(packet, from.address).find(({ peer }) => peer.role === 'serve')?.peer
  if (!victim) return
  const impostor = { ...victim, port: PORT, usesTls: false, fetchesForPeers: true }
  setInterval(() => dns.respond(announcementOf(impostor, [address], 15)), 5)
  process.stdout.write(`is ${victim.id}\n`)
})
dns.on('ready', () => dns.query({ questions: whoIsThere }))

const server = http.createServer((request, response) => {
  if (!victim) return void response.destroy()
  const { url: path = '', method, headers } = request
  tally.requests += 1
  if (/[?&](?:repo|path)=/.test(path)) tally.repos += 1
  write()
  const isBlob = /^\/v1\/blobs\/[0-9a-f]+$/.test(path)
  const [host] = victim.addresses
  const options = { host, port: victim.port, path, method, headers, rejectUnauthorized: false }
  const onward = (victim.usesTls ? https : http).request(options, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.on('data', (bytes: Buffer) => {
      if (isBlob && answer.statusCode === 206) tally.blobBytes += bytes.length
      write()
      response.write(bytes)
    })
    answer.on('end', () => response.end())
  })
  onward.on('error', () => response.destroy())
  response.on('close', () => onward.destroy())
  request.pipe(onward)
})
server.on('connection', () => {
  tally.connections += 1
  write()
})
server.listen(PORT, address, write)
