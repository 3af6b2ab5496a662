import { readFileSync } from 'node:fs'
import type { Log } from '../base/log.ts'
import { cutSocket, type OpenSocket, socketsOn } from './open-sockets.ts'

/** How often the connections are counted, in ms. */
const EVERY_MS = 1_000
/** Connections of one other machine at once, where the process may open enough of them. */
const MOST_SOCKETS = 1_024
/** Of what the process may open, one machine gets so much at the most. */
const MOST_SHARE = 1 / 4
/** How often a machine that holds too many is told of at most, in ms. */
const WARN_EVERY_MS = 60_000

/**
 * The connections to be cut so that no machine has more than `most`: those that were not there before go first, as if they
 * had been refused. `known` are the names of those that were.
 */
export function crowdingSockets(
  sockets: readonly OpenSocket[],
  known: ReadonlySet<string>,
  most: number,
): OpenSocket[] {
  const byAddress = Map.groupBy(sockets, ({ address }) => address)
  return [...byAddress.values()].flatMap((held) => {
    if (held.length <= most) return []
    const [old, recent] = [
      held.filter(({ name }) => known.has(name)),
      held.filter(({ name }) => !known.has(name)),
    ]
    return [...old, ...recent].slice(most)
  })
}

/**
 * Keeps one machine from taking all connections of a port whose server knows no bound of its own: a process that may open
 * no more files can serve no other peer. Counts on Linux alone; elsewhere the idle time of connections is the only bound.
 */
export class SocketBound implements Disposable {
  readonly #port: number
  readonly #log: Log
  readonly #most: number
  readonly #timer: Timer
  #known: ReadonlySet<string> = new Set()
  #mayWarnAt = 0

  constructor(port: number, log: Log, most = mostSockets()) {
    this.#port = port
    this.#log = log
    this.#most = most
    this.#timer = setInterval(() => this.look(), EVERY_MS).unref()
  }

  /** Cuts what is too much now. Called every second. */
  look(): void {
    const sockets = socketsOn(this.#port)
    // Nothing runs between the look and the cut that could close a connection and give its descriptor to another one.
    const crowding = crowdingSockets(sockets, this.#known, this.#most)
    for (const socket of crowding) cutSocket(socket)
    const cut = new Set(crowding)
    this.#known = new Set(sockets.filter((each) => !cut.has(each)).map(({ name }) => name))
    const [first] = crowding
    if (!first || performance.now() < this.#mayWarnAt) return
    this.#mayWarnAt = performance.now() + WARN_EVERY_MS
    this.#log.warn(`closed connections of ${first.address}, which held more than ${this.#most}`)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

function mostSockets(): number {
  return Math.min(MOST_SOCKETS, Math.floor(MOST_SHARE * mostFiles()))
}

/** How many files and sockets this process may open. */
function mostFiles(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
