import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { startTestHub, type TestHub } from './test-hub.ts'

const size = 3_000_000
const path = '/o/r/resolve/main/w'

function start(): Promise<TestHub> {
  return startTestHub({ repos: [{ id: 'o/r', commits: [{ w: { seed: 'faults', size, lfs: true } }] }] })
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'fulfilled',
    () => 'rejected',
  )
}

describe('faults of the test hub', () => {
  test('strike the requests they match, after some and as often as told', async () => {
    await using hub = await start()
    hub.addFault({ match: { side: 'cdn' }, skip: 1, times: 2, status: 503, headers: { 'Retry-After': '1' } })
    const statuses = []
    for (let index = 0; index < 4; index += 1) statuses.push((await fetch(hub.url + path)).status)
    expect(statuses).toEqual([200, 503, 503, 200])
  })

  test('cut an answer after exactly so many bytes', async () => {
    await using hub = await start()
    hub.addFault({ match: { side: 'cdn' }, cutAfter: 1_000_001 })
    const answer = await fetch(hub.url + path)
    expect(await outcome(answer.bytes())).toBe('rejected')
    await hub.until((stats) => stats.cdn.open === 0)
    expect(hub.stats().cdn.bodyBytes).toBe(1_000_001)
    expect(hub.requests.at(-1)?.state).toBe('broken')
  })

  test('stall an answer until the fault is removed', async () => {
    await using hub = await start()
    const fault = hub.addFault({ match: { side: 'cdn' }, stallAfter: 5000 })
    const bytes = fetch(hub.url + path).then((answer) => answer.bytes())
    await hub.until((stats) => stats.cdn.bodyBytes === 5000)
    fault.remove()
    expect((await bytes).length).toBe(size)
  })

  test('let one byte at a time through past an offset', async () => {
    await using hub = await start()
    hub.addFault({ match: { side: 'cdn' }, drip: { after: size - 3, everyMs: 5 } })
    expect((await (await fetch(hub.url + path)).bytes()).length).toBe(size)
    hub.faults.clear()
    hub.addFault({ match: { side: 'cdn' }, drip: { after: 5000, everyMs: 600_000 } })
    const stop = new AbortController()
    const answer = await fetch(hub.url + path, { signal: stop.signal })
    await hub.until((stats) => stats.cdn.bodyBytes === size + 5000)
    expect(hub.requests.at(-1)?.state).toBe('open')
    stop.abort()
    expect(await outcome(answer.bytes())).toBe('rejected')
  })

  test('flip bytes at offsets of the blob, in ranges too', async () => {
    await using hub = await start()
    const whole = await (await fetch(hub.url + path)).bytes()
    hub.addFault({ match: { side: 'cdn' }, flip: [2_000_000] })
    const part = await (await fetch(hub.url + path, { headers: { range: 'bytes=1999999-2000001' } })).bytes()
    expect([...part]).toEqual([whole[1_999_999] ?? 0, (whole[2_000_000] ?? 0) ^ 0xff, whole[2_000_001] ?? 0])
  })

  test('ignore ranges, change headers, and add a second hop', async () => {
    await using hub = await start()
    hub.addFault({ match: { side: 'cdn' }, ignoreRange: true, headers: { ETag: '"other"' }, times: 1 })
    const whole = await fetch(hub.url + path, { headers: { range: 'bytes=5-9' } })
    expect([whole.status, whole.headers.get('etag')]).toEqual([200, '"other"'])
    await whole.bytes()
    hub.addFault({ match: { side: 'cdn' }, hop: true })
    const hopped = await fetch(hub.url + path, { headers: { range: 'bytes=5-9' } })
    expect(new URL(hopped.url).pathname).toStartWith('/hop/repos/')
    expect((await hopped.bytes()).length).toBe(5)
  })

  test('take the hub down and bring it back on the same port', async () => {
    await using hub = await start()
    const url = hub.url
    hub.stop('hub')
    expect(await outcome(fetch(url + path))).toBe('rejected')
    hub.start('hub')
    expect(hub.url).toBe(url)
    expect((await fetch(url + path)).status).toBe(200)
  })

  test('come as orders from another process', async () => {
    await using hub = await start()
    const order = { add: [{ match: { kind: 'resolve' }, status: 500, times: 1 }], rates: { cdn: 50_000_000 } }
    await fetch(`${hub.url}/_test/faults`, { method: 'POST', body: JSON.stringify(order) })
    expect((await fetch(hub.url + path)).status).toBe(500)
    expect((await (await fetch(hub.url + path)).bytes()).length).toBe(size)
    const stats = await (await fetch(`${hub.url}/_test/stats`)).json()
    expect(stats).toMatchObject({ cdn: { bodyBytes: size }, kinds: { resolve: { requests: 2 } } })
  })
})

describe('the test hub', () => {
  test('counts what it sent to a client that went away', async () => {
    await using hub = await start()
    hub.faults.setRates({ perConnection: 5_000_000 })
    const away = new AbortController()
    const answer = await fetch(hub.url + path, { signal: away.signal })
    await hub.until((stats) => stats.cdn.bodyBytes > 100_000)
    away.abort()
    expect(await outcome(answer.bytes())).toBe('rejected')
    await hub.until((stats) => stats.cdn.open === 0)
    expect(hub.stats().cdn.bodyBytes).toBeLessThan(size / 2)
    expect(hub.requests.at(-1)?.state).toBe('broken')
  })

  test('shares a rate between connections', async () => {
    await using hub = await start()
    hub.faults.setRates({ cdn: 10_000_000 })
    const fetches = [fetch(hub.url + path), fetch(hub.url + path)]
    await hub.until((stats) => stats.cdn.open === 2 && stats.cdn.bodyBytes > 1_000_000)
    const [first = 0, second = 0] = hub.requests
      .filter(({ side }) => side === 'cdn')
      .map((request) => request.bodyBytes)
    expect(Math.abs(first - second)).toBeLessThan(400_000)
    await Promise.all(fetches.map(async (answer) => (await answer).bytes()))
    expect(hub.stats().cdn.highestOpen).toBe(2)
  })

  test('serves what the repo lies about as the repo says', async () => {
    const oid = createHash('sha256').update('other').digest('hex')
    const liar = { text: 'content', lfs: true, claims: { oid, size: 99 } }
    await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [{ w: liar, '../x': 'escape' }] }] })
    const head = await fetch(hub.url + path, { method: 'HEAD', redirect: 'manual' })
    expect(head.headers.get('x-linked-etag')).toBe(`"${oid}"`)
    expect(head.headers.get('x-linked-size')).toBe('99')
    expect(await (await fetch(hub.url + path)).text()).toBe('content')
    const tree = (await (await fetch(`${hub.url}/api/models/o/r/tree/main?recursive=true`)).json()) as {
      path: string
    }[]
    expect(tree.map((entry) => entry.path)).toContain('../x')
  })
})
