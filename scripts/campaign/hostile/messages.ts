import { allPieces, type Conduct, noPieces, pauseFor } from './hostile-peer.ts'

const garbage = [
  '{',
  'null',
  '[]',
  '{"have":[-1]}',
  '{"have":[1e99]}',
  '{"fetching":"all"}',
  '{"lost":[0.5]}',
  '{"digests":{"0":"x"}}',
  '{"v":1,"oid":"x"}',
  '{"__proto__":{"have":[0]}}',
  `{"load":{"active":-1,"limit":1e400}}`,
  '\u0000\u001b[2J',
]

/** Peers whose messages are too many, too long or no messages. */
export const messageConducts = {
  /** Messages as fast as the victim reads them. */
  flood: (): readonly Conduct[] => [
    {
      document: (document, bytes) => ({ ...document, complete: false, have: noPieces(bytes) }),
      async follow({ exchange, bytes }) {
        const all = allPieces(bytes)
        const lines = `${JSON.stringify({ fetching: all })}\n${JSON.stringify({ fetching: [] })}\n`.repeat(20)
        while (await exchange.write(lines)) await pauseFor(exchange.signal, 1)
      },
      range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'busy'),
    },
  ],
  malformed: (): readonly Conduct[] => [
    {
      async follow({ exchange }) {
        for (const line of garbage) {
          await exchange.write(`${line}\n`)
          await pauseFor(exchange.signal, 50)
        }
      },
    },
  ],
  'malformed-document': (): readonly Conduct[] => [
    { document: () => JSON.parse(garbage[4] ?? '{}') as Record<string, unknown> },
  ],
  /** A line without end. */
  endless: (): readonly Conduct[] => [
    {
      async follow({ exchange }) {
        const part = 'a'.repeat(2 ** 20)
        for (let sent = 0; sent < 60; sent += 1) if (!(await exchange.write(part))) return
      },
    },
  ],
  /** The document as large as it may be, and its listings far larger. */
  huge: (): readonly Conduct[] => [
    {
      document: (document) => ({ ...document, padding: 'p'.repeat(2 ** 21) }),
      async request(exchange, peer) {
        if (!exchange.target.startsWith('/v1/peers')) return undefined
        await peer.head(exchange, 200, { 'content-type': 'application/json', connection: 'close' })
        const part = '['.repeat(2 ** 20)
        for (let sent = 0; sent < 40; sent += 1) if (!(await exchange.write(part))) break
        return false
      },
    },
  ],
  'wrong-size': (): readonly Conduct[] => [
    { document: (document, bytes) => ({ ...document, size: bytes.length + 1 }) },
  ],
  /** Answers every request with bytes that are no valid response. */
  noise: (): readonly Conduct[] => [
    {
      async request(exchange) {
        await exchange.write(crypto.getRandomValues(new Uint8Array(5000)))
        return false
      },
    },
  ],
}
