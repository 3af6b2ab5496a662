import type { Conduct, Surroundings } from './hostile-peer.ts'
import { contactOf } from './identities.ts'
import type { Exchange } from './raw-http.ts'

const passedOn = ['x-dfhf-peer', 'x-dfhf-auth', 'range'] as const
const handedBack = [
  'content-type',
  'content-length',
  'content-range',
  'x-dfhf-peer',
  'x-dfhf-load',
  'x-dfhf-reason',
  'x-dfhf-auth',
  'retry-after',
]
const PATIENCE_MS = 20_000

/** Hands a request to an honest peer and its response back, and reads what passes. */
async function passOn(exchange: Exchange, to: string, around: Surroundings): Promise<boolean> {
  const headers = Object.fromEntries(
    passedOn.flatMap((name) =>
      exchange.headers.has(name) ? [[name, exchange.headers.get(name) ?? '']] : [],
    ),
  )
  const signal = AbortSignal.any([exchange.signal, around.signal, AbortSignal.timeout(PATIENCE_MS)])
  const answer = await fetch(`http://${to}${exchange.target}`, { method: exchange.method, headers, signal })
  const lines = handedBack.flatMap((name) =>
    answer.headers.has(name) ? [`${name}: ${answer.headers.get(name)}\r\n`] : [],
  )
  await exchange.write(`HTTP/1.1 ${answer.status} Status\r\n${lines.join('')}connection: close\r\n\r\n`)
  for await (const chunk of answer.body ?? []) {
    around.inspect(chunk, `a relay without the key, between an honest peer and ${to}`)
    if (!(await exchange.write(chunk))) return false
  }
  return false
}

/** Peers that stand between two honest ones. */
export const relayConducts = {
  /** Answers in the name of an honest peer, with that peer's own responses. */
  relay: (): readonly Conduct[] => {
    let around: Surroundings | undefined
    return [
      {
        act: async (_, world) => {
          around = world
        },
        async request(exchange) {
          const world = around
          if (!world) return undefined
          for (const address of world.honest()) {
            const contact = await contactOf(address, world.signal)
            if (!contact || exchange.headers.get('x-dfhf-peer')?.includes(String(contact.id)) === true)
              continue
            return passOn(exchange, address, world)
          }
          return undefined
        },
      },
    ]
  },
}
