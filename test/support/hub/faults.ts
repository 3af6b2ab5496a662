import type { Conduct, Drip } from './http/conduct.ts'
import { type HttpAnswer, type HttpRequest, withHeaders } from './http/message.ts'
import type { RouteKind } from './route.ts'
import type { RequestRecord, Side } from './stats.ts'
import { Throttle } from './throttle.ts'

/** Which requests a fault strikes; what is absent matches all. */
export interface FaultMatch {
  readonly side?: Side
  readonly kind?: RouteKind
  readonly method?: string
  /** A regular expression on the decoded target. */
  readonly target?: string
  readonly oid?: string
  /** Whether the request has a Range. */
  readonly ranged?: boolean
}

/** One thing that goes wrong, as plain data. */
export interface Fault {
  readonly match?: FaultMatch
  /** Matching requests that pass unharmed first. @default 0 */
  readonly skip?: number
  /** Matching requests struck after those. @default all */
  readonly times?: number
  /** Answers this status in place of the right one, with `headers` and an empty body. */
  readonly status?: number
  /** Headers replaced, or removed where null, in the answer (a wrong ETag, X-Linked-Size, Content-Length...). */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly delayMs?: number
  /** Body bytes after which the answer stands still until the fault is removed. */
  readonly stallAfter?: number
  /** Body bytes after which the connection is closed. */
  readonly cutAfter?: number
  /** Cuts by RST rather than FIN. */
  readonly reset?: boolean
  /** Answers 200 and everything to a Range request. */
  readonly ignoreRange?: boolean
  /** Offsets in the blob whose byte arrives inverted. */
  readonly flip?: readonly number[]
  readonly bytesPerSecond?: number
  /** Past so many body bytes, one byte at a time. */
  readonly drip?: Drip
  /** The CDN redirects to a second CDN URL. */
  readonly hop?: boolean
}

/** A fault in force; remove it to end it. */
export interface ActiveFault {
  readonly fault: Fault
  /** How many requests it has struck. */
  readonly struck: number
  remove(): void
}

/** Byte rates of the bodies; absent means as fast as it goes. */
export interface Rates {
  readonly hub?: number
  readonly cdn?: number
  readonly perConnection?: number
}

class Trap implements ActiveFault {
  readonly fault: Fault
  struck = 0
  readonly #target: RegExp | undefined
  readonly #lift = Promise.withResolvers<void>()
  readonly #forget: (trap: Trap) => void
  #seen = 0

  constructor(fault: Fault, forget: (trap: Trap) => void) {
    this.fault = fault
    this.#forget = forget
    this.#target = fault.match?.target === undefined ? undefined : new RegExp(fault.match.target)
  }

  get lifted(): Promise<void> {
    return this.#lift.promise
  }

  remove(): void {
    this.#forget(this)
    this.#lift.resolve()
  }

  strikes(record: RequestRecord): boolean {
    const { match = {}, skip = 0, times = Number.POSITIVE_INFINITY } = this.fault
    const matches =
      (match.side ?? record.side) === record.side &&
      (match.kind ?? record.kind) === record.kind &&
      (match.method ?? record.method) === record.method &&
      (match.oid ?? record.oid) === record.oid &&
      (match.ranged ?? record.headers.range !== undefined) === (record.headers.range !== undefined) &&
      (this.#target?.test(decoded(record.target)) ?? true)
    if (!matches) return false
    this.#seen += 1
    if (this.#seen <= skip || this.struck >= times) return false
    this.struck += 1
    return true
  }
}

/** All faults and rates of one test Hub. */
export class Faults {
  readonly #traps = new Set<Trap>()
  readonly #sides = {
    hub: new Throttle(Number.POSITIVE_INFINITY),
    cdn: new Throttle(Number.POSITIVE_INFINITY),
  }
  #perConnection = Number.POSITIVE_INFINITY

  add(fault: Fault): ActiveFault {
    const trap = new Trap(fault, (gone) => this.#traps.delete(gone))
    this.#traps.add(trap)
    return trap
  }

  clear(): void {
    for (const trap of [...this.#traps]) trap.remove()
  }

  /** Limits the body bytes a second: of each side in total, and of each answer. */
  setRates(rates: Rates): void {
    this.#sides.hub.bytesPerSecond = rates.hub ?? Number.POSITIVE_INFINITY
    this.#sides.cdn.bytesPerSecond = rates.cdn ?? Number.POSITIVE_INFINITY
    this.#perConnection = rates.perConnection ?? Number.POSITIVE_INFINITY
  }

  /** Answers a request with every fault that strikes it; `handle` may be asked again for another form of it. */
  async answer(
    request: HttpRequest,
    record: RequestRecord,
    handle: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>,
  ): Promise<HttpAnswer> {
    let answer = await handle(request)
    let conduct: Conduct = { throttles: this.#throttles(record.side) }
    for (const trap of [...this.#traps].filter((candidate) => candidate.strikes(record))) {
      const { fault } = trap
      if (fault.ignoreRange) answer = await handle(withoutRange(request))
      if (fault.hop) answer = secondHop(request, answer)
      if (fault.status !== undefined) answer = { status: fault.status, headers: {} }
      if (fault.headers) answer = { ...answer, headers: withHeaders(answer.headers, fault.headers) }
      conduct = worsen(conduct, trap, answer)
    }
    return { ...answer, conduct }
  }

  #throttles(side: Side): Throttle[] {
    const throttles = [this.#sides[side], new Throttle(this.#perConnection)]
    return throttles.filter(({ bytesPerSecond }) => bytesPerSecond !== Number.POSITIVE_INFINITY)
  }
}

function worsen(conduct: Conduct, trap: Trap, answer: HttpAnswer): Conduct {
  const { fault } = trap
  const offset = answer.body?.kind === 'content' ? answer.body.offset : 0
  return {
    ...conduct,
    ...(fault.delayMs !== undefined && { delayMs: fault.delayMs }),
    ...(fault.stallAfter !== undefined && { stallAfter: fault.stallAfter, lifted: trap.lifted }),
    ...(fault.cutAfter !== undefined && { cutAfter: fault.cutAfter, reset: fault.reset ?? false }),
    ...(fault.flip && { flips: fault.flip.map((position) => position - offset) }),
    ...(fault.drip && { drip: fault.drip }),
    ...(fault.bytesPerSecond !== undefined && {
      throttles: [...(conduct.throttles ?? []), new Throttle(fault.bytesPerSecond)],
    }),
  }
}

function secondHop(request: HttpRequest, answer: HttpAnswer): HttpAnswer {
  if (answer.status >= 300 || request.target.startsWith('/hop/')) return answer
  return { status: 302, headers: { Location: `/hop${request.target}` } }
}

function withoutRange(request: HttpRequest): HttpRequest {
  const headers = new Headers(request.headers)
  headers.delete('range')
  return { ...request, headers }
}

function decoded(target: string): string {
  try {
    return decodeURIComponent(target)
  } catch {
    return target
  }
}
