import { describe, expect, test } from 'bun:test'
import { EventQueue, Timer } from '../../scripts/simulate/event-queue.ts'
import { Link, Network } from '../../scripts/simulate/network.ts'

function runAll(queue: EventQueue): void {
  while (queue.runNext()) {
    // Each event does its own work.
  }
}

describe('virtual time', () => {
  test('runs timers in order of time, then of scheduling', () => {
    const queue = new EventQueue()
    const ran: string[] = []
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
      ['a2', 10],
    ] as const)
      queue.after(at, () => ran.push(`${name}@${queue.now}`))
    runAll(queue)
    expect(ran).toEqual(['a@10', 'a2@10', 'b@20', 'c@30'])
  })

  test('moves timers and takes them back', () => {
    const queue = new EventQueue()
    const ran: number[] = []
    const timers = Array.from({ length: 50 }, (_, n) => new Timer(() => ran.push(n)))
    for (const [n, timer] of timers.entries()) queue.schedule(timer, n)
    for (const [n, timer] of timers.entries()) {
      if (n % 3 === 0) queue.cancel(timer)
      if (n % 3 === 1) queue.schedule(timer, 1_000 - n)
    }
    runAll(queue)
    const moved = Array.from({ length: 50 }, (_, n) => n).filter((n) => n % 3 === 1)
    const stayed = Array.from({ length: 50 }, (_, n) => n).filter((n) => n % 3 === 2)
    expect(ran).toEqual([...stayed, ...moved.reverse()])
  })
})

describe('links', () => {
  test('are shared evenly, and what one flow cannot use the others get', () => {
    const queue = new EventQueue()
    const network = new Network(queue)
    const hub = new Link(100)
    const done: [string, number][] = []
    const send = (name: string, to: Link, bytes: number) => {
      const flow = network.start(hub, to, bytes, () => {
        done.push([name, Math.round(queue.now)])
        network.stop(flow)
      })
    }
    // 10, 45 and 45 bytes per ms; from 40 ms on the third alone has what the slow one leaves.
    send('slow', new Link(10), 1_000)
    send('one', new Link(100), 1_800)
    send('two', new Link(100), 3_600)
    runAll(queue)
    expect(done).toEqual([
      ['one', 40],
      ['two', 60],
      ['slow', 100],
    ])
  })

  test('never carry more than they can, as far as the approximation promises', () => {
    const queue = new EventQueue()
    const network = new Network(queue)
    const up = Array.from({ length: 6 }, (_, n) => new Link(50 + 10 * n))
    const down = Array.from({ length: 6 }, (_, n) => new Link(100 - 10 * n))
    for (const [n, from] of up.entries())
      for (const [m, to] of down.entries()) if ((n * m) % 4 !== 1) network.start(from, to, 1e6, () => {})
    queue.runNext()
    for (const link of [...up, ...down]) {
      const total = link.flows.reduce((sum, flow) => sum + flow.rate, 0)
      expect(total).toBeLessThan(1.1 * link.capacity)
      expect(total).toBeGreaterThan(0.5 * link.capacity)
    }
  })
})
