import { describe, expect, test } from 'bun:test'
import { createOidHasher } from '../../src/blob/digest.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'
import { fetchSmallBlob } from '../../src/transfer/small-blob.ts'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { MemorySource, type Mischief } from './memory-source.ts'

const never = new AbortController().signal
const bytes = new Uint8Array(100_000).map((_, index) => index % 251)
const oid = gitIdOf(bytes)

function gitIdOf(content: Uint8Array) {
  const hasher = createOidHasher(parseOid('0'.repeat(40)), content.length)
  hasher.update(content)
  return parseOid(hasher.digest())
}

function setUp(
  options: { readonly sent?: Uint8Array; readonly mischief?: Mischief; readonly stallMs?: number } = {},
) {
  const events: TransferEvent[] = []
  const budget = new HubBudget({ max: 4 })
  const hub = new MemorySource(options.sent ?? bytes, {
    ...(options.mischief && { mischief: options.mischief }),
  })
  const fetch = (signal = never, size = bytes.length) =>
    fetchSmallBlob(
      { oid, size, hub, id: 7 },
      {
        ...{ budget, limiter: new RateLimiter(0), mostConnections: 2 },
        ...{ stallMs: options.stallMs ?? 10_000, report: (event: TransferEvent) => events.push(event) },
      },
      signal,
    )
  return { budget, hub, events, fetch }
}

describe('a small blob', () => {
  test('comes by one request, and is told as a transfer is', async () => {
    const { hub, events, fetch } = setUp()
    expect(await fetch()).toEqual(bytes)
    expect(hub.requests).toEqual([{ start: 0, end: bytes.length }])
    const cost = { bytes: { hub: bytes.length, peers: 0, local: 0 }, pieces: 1, retries: 0 }
    expect(events).toMatchObject([
      { type: 'bytes', id: 7, count: bytes.length, kind: 'hub' },
      { type: 'task-done', id: 7, oid, ...cost },
    ])
  })

  test('whose bytes are others is not given', async () => {
    const { events, fetch } = setUp({ sent: bytes.toReversed() })
    expect(await thrownBy(fetch)).toMatchObject({ code: 'verification-failed' })
    expect(events).toEqual([])
  })

  test('waits for no connection, and gives its own back however it ends', async () => {
    const { budget, hub, fetch } = setUp({ mischief: ({ number }) => (number === 1 ? 'fail' : undefined) })
    const first = budget.acquire()
    const second = budget.acquire()
    expect(await fetch()).toBeUndefined()
    expect(hub.requests).toEqual([])
    first()
    expect(await thrownBy(fetch)).toMatchObject({ code: 'network' })
    expect(await fetch()).toEqual(bytes)
    second()
    expect(await fetch()).toEqual(bytes)
  })

  test('that stands still is given up, and the user is told meanwhile', async () => {
    const { events, fetch } = setUp({ mischief: () => 'stall', stallMs: 2_500 })
    expect(await thrownBy(fetch)).toMatchObject({ code: 'timeout', retryable: true })
    const reasons = events.flatMap((event) => (event.type === 'wait' ? [event.reason] : []))
    expect(reasons[0]).toMatch(/^no bytes for/)
    expect(reasons.at(-1)).toBeUndefined()
  })

  test('ends at once when it is cancelled', async () => {
    const stop = new AbortController()
    const { fetch } = setUp({ mischief: () => 'stall' })
    const fetching = thrownBy(() => fetch(stop.signal))
    stop.abort(new Error('stopped'))
    expect(await fetching).toMatchObject({ message: 'stopped' })
  })
})
