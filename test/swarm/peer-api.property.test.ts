import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Membership } from '../../src/swarm/membership/membership.ts'
import { PEER_HEADER, toPeerHeader } from '../../src/swarm/protocol/peer-info.ts'
import { PeerHandler } from '../../src/swarm/server/peer-handler.ts'
import { createClusterKey, signRequest } from '../../src/swarm/trust/cluster-key.ts'
import { MemoryBlob, MemoryShelf } from './memory-shelf.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const oid = sampleOid()
const size = 2 ** 20 + 5
const at = 'http://10.0.0.1:65002'
const key = createClusterKey('correct horse battery staple')
/** All that the peer API may answer; 500 would be a fault of its own. */
const statuses = [200, 206, 400, 401, 403, 404, 405, 416, 503]

const noise = fc.string({ unit: fc.constantFrom(...'/?&=%.,-:;*0129afzx é{}[]"\\') })
const number = fc.oneof(fc.constantFrom('0', '1', '2', '-1', '99999999', '1e9', ''), fc.nat().map(String))
const list = fc.array(
  fc.oneof(
    number,
    fc.tuple(number, number).map((pair) => pair.join('-')),
  ),
  { maxLength: 5 },
)
const query = fc
  .dictionary(
    fc.constantFrom('watch', 'pieces', 'repo', 'commit', 'path', 'sealed', 'x'),
    fc.oneof(noise, list.map(String)),
  )
  .map((fields) => new URLSearchParams(fields).toString())
const path = fc.oneof(
  noise.map((text) => `/${text}`),
  fc.constantFrom('/healthz', '/v1/peers', '/v1/bye', '/v1/blobs/', `/v1/blobs/${sampleOid('none')}`),
  fc
    .constantFrom('', '/', '/pieces', '/digests', '/other', '%2Fpieces')
    .map((part) => `/v1/blobs/${oid}${part}`),
)
const range = fc.oneof(
  fc.tuple(number, number).map(([first, last]) => `bytes=${first}-${last}`),
  list.map((ranges) => `bytes=${ranges}`),
  noise,
)
const contact = fc.oneof(
  fc.constant(toPeerHeader(samplePeer(1))),
  fc.jsonValue().map((value) => encodeURIComponent(JSON.stringify(value))),
  fc
    .dictionary(fc.constantFrom(...Object.keys(samplePeer(1))), fc.jsonValue())
    .map((changes) => encodeURIComponent(JSON.stringify({ ...samplePeer(1), ...changes }))),
  noise,
)
const requests = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
  target: fc.tuple(path, query).map(([name, fields]) => (fields === '' ? name : `${name}?${fields}`)),
  range: fc.option(range, { nil: undefined }),
  contact: fc.option(contact, { nil: undefined }),
  isSigned: fc.boolean(),
  auth: fc.option(noise, { nil: undefined }),
})

/** A value that a header can hold. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').trim()
}

function openHandler(withKey: boolean): PeerHandler {
  const self = samplePeer(0, { addresses: [], clusterFingerprint: withKey ? key.fingerprint : undefined })
  const shelf = new MemoryShelf()
  const blob = shelf.put(oid, new MemoryBlob(new Uint8Array(size)))
  blob.pieces.add(0)
  return new PeerHandler({
    self: () => self,
    shelf,
    peers: new Membership({ selfId: self.id, clusterFingerprint: self.clusterFingerprint, now: () => 0 }),
    heartbeatMs: 60_000,
    now: () => 1_000_000,
    isOwnAddress: (dialled) => dialled === at,
    ...(withKey && { key }),
  })
}

test.each([false, true])('any request has an answer that the API knows (with a key: %p)', async (withKey) => {
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 6 }), async (list) => {
      const handler = openHandler(withKey)
      for (const { method, target, isSigned, ...given } of list) {
        const url = new URL(`${at}${target}`)
        const headers = new Headers()
        const told = { range: printable(given.range ?? ''), contact: printable(given.contact ?? '') }
        if (told.range !== '') headers.set('range', told.range)
        if (told.contact !== '') headers.set(PEER_HEADER, told.contact)
        const signed = {
          method,
          target: url.pathname + url.search,
          range: told.range || undefined,
          contact: told.contact || undefined,
        }
        const auth = isSigned
          ? signRequest(key, signed, { to: peerId(0), at, now: 1_000_000 })
          : printable(given.auth ?? '')
        if (auth !== '') headers.set('x-dfhf-auth', auth)
        const request = new Request(url.href, { method, headers })
        const answer = await handler.handle(request, { address: '10.0.0.9', port: 1, pending: () => 1 })
        expect(statuses, `${method} ${target}`).toContain(answer.status)
        if (!url.searchParams.has('watch')) expect((await answer.bytes()).length).toBeLessThan(2 * size)
        else await answer.body?.cancel()
      }
      handler.close()
    }),
    { numRuns: 500 },
  )
})
