/** Something that happens at a moment of virtual time; it may be moved or taken back. */
export class Timer {
  readonly run: () => void
  at = Number.POSITIVE_INFINITY
  /** Breaks ties, so that a run is the same each time. */
  order = 0
  /** Place in the queue's heap, -1 while it is in none. */
  place = -1

  constructor(run: () => void) {
    this.run = run
  }
}

/** A virtual clock in ms and what is to happen by it: a binary heap whose entries can be moved. */
export class EventQueue {
  now = 0
  #order = 0
  readonly #heap: Timer[] = []

  /** Lets a timer run at `at`, or moves it there. */
  schedule(timer: Timer, at: number): void {
    this.#order += 1
    timer.at = Math.max(at, this.now)
    timer.order = this.#order
    if (timer.place < 0) {
      timer.place = this.#heap.length
      this.#heap.push(timer)
    }
    this.#rise(timer)
    this.#sink(timer)
  }

  cancel(timer: Timer): void {
    const { place } = timer
    if (place < 0) return
    timer.place = -1
    const last = this.#heap.pop()
    if (last === undefined || last === timer) return
    last.place = place
    this.#heap[place] = last
    this.#rise(last)
    this.#sink(last)
  }

  /** Runs `run` after `delayMs`. */
  after(delayMs: number, run: () => void): Timer {
    const timer = new Timer(run)
    this.schedule(timer, this.now + delayMs)
    return timer
  }

  /** Runs what is next; false when nothing is left. */
  runNext(): boolean {
    const next = this.#heap[0]
    if (next === undefined) return false
    this.cancel(next)
    this.now = next.at
    next.run()
    return true
  }

  #rise(timer: Timer): void {
    while (timer.place > 0) {
      const above = this.#heap[(timer.place - 1) >> 1]
      if (above === undefined || !isBefore(timer, above)) return
      this.#swap(timer, above)
    }
  }

  #sink(timer: Timer): void {
    for (;;) {
      const left = this.#heap[2 * timer.place + 1]
      const right = this.#heap[2 * timer.place + 2]
      if (left === undefined) return
      const below = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(below, timer)) return
      this.#swap(timer, below)
    }
  }

  #swap(a: Timer, b: Timer): void {
    const { place } = a
    a.place = b.place
    b.place = place
    this.#heap[a.place] = a
    this.#heap[b.place] = b
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
