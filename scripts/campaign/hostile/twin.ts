import { pieceCountOf, pieceSizeOf } from '../../../src/blob/pieces.ts'
import { type Conduct, pauseFor, type Surroundings } from './hostile-peer.ts'
import type { Exchange } from './raw-http.ts'

const KEPT = 300

/** The end of an early piece that one id keeps back. */
interface Lease {
  readonly exchange: Exchange
  readonly oid: string
  readonly bytes: Uint8Array
  readonly end: number
  at: number
}

/** How much of a blob the victims have, as they tell their watchers; resolves when one of them is full, or lacks just `missing`. */
async function watchVictims(lease: Lease, around: Surroundings, missing: number): Promise<void> {
  const signal = AbortSignal.any([lease.exchange.signal, around.signal])
  await Promise.race(around.honest().map((address) => watchOne(address, lease, missing, signal)))
}

async function watchOne(address: string, lease: Lease, missing: number, signal: AbortSignal): Promise<void> {
  const count = pieceCountOf(lease.bytes.length)
  const have = new Set<number>()
  while (!signal.aborted) {
    try {
      const contact = encodeURIComponent(
        JSON.stringify({
          id: 'f'.repeat(16),
          name: 'tv',
          addresses: [],
          port: 9,
          version: '0.1.0',
          role: 'serve',
        }),
      )
      const answer = await fetch(`http://${address}/v1/blobs/${lease.oid}/pieces?watch=1`, {
        headers: { 'x-dfhf-peer': contact },
        signal,
      })
      let text = ''
      for await (const chunk of answer.body ?? []) {
        text += new TextDecoder().decode(chunk)
        const lines = text.split('\n')
        text = lines.pop() ?? ''
        for (const line of lines) note(have, line, count)
        if (have.size >= count - missing) return
      }
    } catch {
      // The victim is not there yet, or no more.
    }
    await pauseFor(signal, 100)
  }
}

function note(have: Set<number>, line: string, count: number): void {
  const message = JSON.parse(line) as { have?: unknown }
  if (message.have === 'all') for (let piece = 0; piece < count; piece += 1) have.add(piece)
  if (Array.isArray(message.have)) for (const piece of message.have) have.add(Number(piece))
  if (typeof message.have !== 'string' || message.have === 'all') return
  const bitmap = Buffer.from(message.have, 'base64')
  for (let piece = 0; piece < count; piece += 1)
    if (((bitmap[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0) have.add(piece)
}

/** Peers that keep a connection open to write into a piece after it has landed. */
export const twinConducts = {
  /**
   * One attacker, two ids. The first keeps the last bytes of one early piece until the victim lacks nothing else, so that
   * the victim asks the second for them as well; when the victim is full, the first sends garbage.
   */
  twin: (): readonly Conduct[] => {
    let lease: Lease | undefined
    let around: Surroundings | undefined
    const keep = async (held: Lease): Promise<boolean> => {
      const { exchange, bytes } = held
      const world = around
      if (!world) return false
      const isNearlyFull = watchVictims(held, world, 1)
      const isFull = watchVictims(held, world, 0)
      const state = { nearlyFull: false }
      void isNearlyFull.then(() => {
        state.nearlyFull = true
      })
      while (!state.nearlyFull && held.at < held.end - 50 && !exchange.signal.aborted) {
        await exchange.write(bytes.subarray(held.at, held.at + 1))
        held.at += 1
        await pauseFor(exchange.signal, 800)
      }
      await Promise.race([isFull, pauseFor(exchange.signal, 30_000)])
      await exchange.write(Buffer.alloc(held.end - held.at, 0x41))
      return false
    }
    return [
      {
        act: async (_, world) => {
          around = world
        },
        async range({ exchange, oid, bytes, range, peer }) {
          const piece = Math.floor((range.end - 1) / pieceSizeOf(bytes.length))
          if (lease && !lease.exchange.signal.aborted) return undefined
          if (piece > pieceCountOf(bytes.length) / 3) return undefined
          const at = Math.max(range.start, range.end - KEPT)
          const held = { exchange, oid, bytes, end: range.end, at }
          lease = held
          await peer.partialHead(exchange, range, bytes.length)
          await exchange.write(bytes.subarray(range.start, at))
          return keep(held)
        },
      },
      {},
    ]
  },
  /** Sends each range twice as slowly as it could, ends each with garbage a while after its rival may have landed. */
  'late-garbage': (): readonly Conduct[] => [
    {
      async range({ exchange, bytes, range, peer }) {
        await peer.partialHead(exchange, range, bytes.length)
        const at = Math.max(range.start, range.end - KEPT)
        await exchange.write(bytes.subarray(range.start, at))
        await pauseFor(exchange.signal, 2500)
        return exchange.write(Buffer.alloc(range.end - at, 0x45))
      },
    },
  ],
}
