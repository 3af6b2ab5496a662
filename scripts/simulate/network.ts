import { type EventQueue, Timer } from './event-queue.ts'

/** How often a change may travel from link to link before it is taken as settled. */
const MAX_HOPS = 4
/** Changes of a fair share below this part of it do not travel on. */
const TOLERANCE = 0.05

/** One direction of a host's connection to the network. */
export class Link {
  /** Bytes per ms. */
  capacity: number
  readonly flows: Flow[] = []
  /** What a flow may take here at the most; all of it while the link is not full. */
  share: number
  isDirty = false
  hops = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.share = capacity
  }
}

/** Hosts that reach all others through one link that they share, and each other without it. */
export interface Rack {
  readonly up: Link
  readonly down: Link
}

/** Bytes on their way from one link to another. */
export class Flow {
  readonly from: Link
  readonly to: Link
  left: number
  /** Bytes per ms. */
  rate = 0
  updatedAt: number
  fromPlace = -1
  toPlace = -1
  readonly timer: Timer

  constructor(from: Link, to: Link, bytes: number, now: number, onDone: () => void) {
    this.from = from
    this.to = to
    this.left = bytes
    this.updatedAt = now
    this.timer = new Timer(onDone)
  }
}

/**
 * Links that flows share fairly (max-min), as long-lived TCP connections do roughly. When a flow comes or goes,
 * the shares of its two links are computed anew, and those of the links beyond while they change by much: exact
 * in small worlds, and within some per cent of exact in large ones.
 */
export class Network {
  readonly #queue: EventQueue
  readonly #dirty: Link[] = []
  readonly #settle: Timer

  constructor(queue: EventQueue) {
    this.#queue = queue
    this.#settle = new Timer(() => this.#settleAll())
  }

  /** Sends `bytes`; `onDone` is called when the last one has arrived. */
  start(from: Link, to: Link, bytes: number, onDone: () => void): Flow {
    const flow = new Flow(from, to, bytes, this.#queue.now, onDone)
    flow.fromPlace = from.flows.push(flow) - 1
    flow.toPlace = to.flows.push(flow) - 1
    this.#touch(from, 0)
    this.#touch(to, 0)
    return flow
  }

  /** Lets a flow that is done carry more at once. */
  refill(flow: Flow, bytes: number): void {
    this.progress(flow)
    flow.left = bytes
    this.#reschedule(flow)
  }

  stop(flow: Flow): void {
    this.progress(flow)
    this.#queue.cancel(flow.timer)
    remove(flow.from.flows, flow.fromPlace, 'fromPlace')
    remove(flow.to.flows, flow.toPlace, 'toPlace')
    this.#touch(flow.from, 0)
    this.#touch(flow.to, 0)
  }

  setCapacity(link: Link, capacity: number): void {
    link.capacity = capacity
    this.#touch(link, 0)
  }

  /** Brings a flow's `left` up to now and returns it. */
  progress(flow: Flow): number {
    const { now } = this.#queue
    flow.left = Math.max(0, flow.left - flow.rate * (now - flow.updatedAt))
    flow.updatedAt = now
    return flow.left
  }

  #touch(link: Link, hops: number): void {
    if (!link.isDirty) {
      link.isDirty = true
      link.hops = hops
      this.#dirty.push(link)
      if (this.#settle.place < 0) this.#queue.schedule(this.#settle, this.#queue.now)
    }
    link.hops = Math.min(link.hops, hops)
  }

  #settleAll(): void {
    for (let at = 0; at < this.#dirty.length; at += 1) {
      const link = this.#dirty[at]
      if (link) this.#share(link)
    }
    this.#dirty.length = 0
  }

  #share(link: Link): void {
    link.isDirty = false
    const before = link.share
    link.share = fairShare(link)
    const isFar = Math.abs(link.share - before) > TOLERANCE * before
    for (const flow of link.flows) {
      const other = flow.from === link ? flow.to : flow.from
      const rate = Math.min(link.share, other.share)
      if (rate === flow.rate) continue
      this.progress(flow)
      flow.rate = rate
      this.#reschedule(flow)
      if (isFar && link.hops < MAX_HOPS) this.#touch(other, link.hops + 1)
    }
  }

  #reschedule(flow: Flow): void {
    if (flow.rate > 0) this.#queue.schedule(flow.timer, this.#queue.now + flow.left / flow.rate)
    else this.#queue.cancel(flow.timer)
  }
}

/** The share at which the link is just full, given what the other ends let through. */
function fairShare(link: Link): number {
  let open = link.flows.length
  if (open === 0) return link.capacity
  let share = link.capacity / open
  for (;;) {
    let stillOpen = 0
    let capacity = link.capacity
    for (const flow of link.flows) {
      const limit = (flow.from === link ? flow.to : flow.from).share
      if (limit < share) capacity -= limit
      else stillOpen += 1
    }
    // Where no flow is held back by this link, the share is what the quickest flow could still grow to.
    if (stillOpen >= open || stillOpen === 0) return share
    open = stillOpen
    share = capacity / open
  }
}

function remove(flows: Flow[], place: number, key: 'fromPlace' | 'toPlace'): void {
  const last = flows.pop()
  if (last === undefined || last[key] === place) return
  last[key] = place
  flows[place] = last
}
