import type { ByteRange } from '../../../src/blob/pieces.ts'
import { type BlobRequest, type Conduct, type HostilePeer, pauseFor } from './hostile-peer.ts'

type RangeRequest = BlobRequest & { readonly range: ByteRange; readonly peer: HostilePeer }

/** The right head, then the bytes as `spoil` makes them. */
async function deliver(request: RangeRequest, spoil: (part: Uint8Array) => Uint8Array): Promise<boolean> {
  const { exchange, bytes, range, peer } = request
  await peer.partialHead(exchange, range, bytes.length)
  const part = spoil(bytes.slice(range.start, range.end))
  return (await exchange.write(part)) && part.length === range.end - range.start
}

/** Peers that claim to have everything, and send wrong bytes, too few, or too slowly. */
export const deliveryConducts = {
  busy: (): readonly Conduct[] => [{ range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'busy') }],
  gone: (): readonly Conduct[] => [{ range: ({ exchange, peer }) => peer.refuse(exchange, 404, 'not here') }],
  /** The last 300 bytes of each range one by one. */
  drip: (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, range, peer }) {
        await peer.partialHead(exchange, range, bytes.length)
        let at = Math.max(range.start, range.end - 300)
        await exchange.write(bytes.subarray(range.start, at))
        for (; at < range.end; at += 1) {
          if (!(await exchange.write(bytes.subarray(at, at + 1)))) return false
          await pauseFor(exchange.signal, 900)
        }
        return true
      },
    },
  ],
  /** The head and one byte, and then nothing. */
  silent: (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, range, peer }) {
        await peer.partialHead(exchange, range, bytes.length)
        await exchange.write(bytes.subarray(range.start, range.start + 1))
        await pauseFor(exchange.signal, 600_000)
        return false
      },
    },
  ],
  /** Takes the request and answers nothing at all. */
  mute: (): readonly Conduct[] => [
    {
      async range({ exchange }) {
        await pauseFor(exchange.signal, 600_000)
        return false
      },
    },
  ],
  closes: (): readonly Conduct[] => [
    {
      async range({ exchange }) {
        exchange.destroy()
        return false
      },
    },
  ],
  /** Right bytes up to the middle of each range. */
  cuts: (): readonly Conduct[] => [
    { range: (request) => deliver(request, (part) => part.subarray(0, part.length >> 1)) },
  ],
  /** Right bytes up to the middle of each range of a response that ends with its connection, and a reset. */
  resets: (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, range, peer }) {
        const { start, end } = range
        await peer.head(exchange, 206, {
          connection: 'close',
          'content-length': end - start,
          'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
        })
        await exchange.write(bytes.subarray(start, (start + end) >> 1))
        exchange.destroy()
        return false
      },
    },
  ],
  'wrong-early': (): readonly Conduct[] => [
    { range: (request) => deliver(request, (part) => spoilt(part, 0)) },
  ],
  'wrong-late': (): readonly Conduct[] => [
    { range: (request) => deliver(request, (part) => spoilt(part, part.length - 1)) },
  ],
  /** Wrong in the last range of the file alone. */
  'wrong-at-the-end': (): readonly Conduct[] => [
    {
      async range(request) {
        return request.range.end === request.bytes.length
          ? deliver(request, (part) => part.fill(0x42))
          : undefined
      },
    },
  ],
  /** More bytes than were asked for. */
  longer: (): readonly Conduct[] => [
    { range: (request) => deliver(request, (part) => Buffer.concat([part, Buffer.alloc(70_000, 0x43)])) },
  ],
  'wrong-content-range': (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, range, peer }) {
        const headers = {
          'content-length': range.end - range.start,
          'content-range': `bytes ${range.start + 1}-${range.end}/${bytes.length + 1}`,
        }
        await peer.head(exchange, 206, headers)
        return exchange.write(bytes.subarray(range.start, range.end))
      },
    },
  ],
  /** A complete response of fewer bytes than were asked for. */
  short: (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, range, peer }) {
        const end = range.start + Math.max(1, (range.end - range.start) >> 2)
        await peer.partialHead(exchange, { start: range.start, end }, bytes.length)
        return exchange.write(bytes.subarray(range.start, end))
      },
    },
  ],
  /** 200 and other bytes for a range. */
  'whole-for-range': (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, peer }) {
        await peer.head(exchange, 200, { 'content-length': bytes.length })
        return exchange.write(bytes)
      },
    },
  ],
}

function spoilt(part: Uint8Array, position: number): Uint8Array {
  const byte = part[position]
  if (byte !== undefined) part[position] = byte ^ 0x5a
  return part
}
