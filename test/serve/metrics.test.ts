import { expect, test } from 'bun:test'
import { parseOid } from '../../src/blob/oid.ts'
import { DaemonMetrics } from '../../src/serve/metrics.ts'

/** The samples of a page of numbers, without help, types and buckets. */
async function samplesOf(metrics: DaemonMetrics): Promise<ReadonlyMap<string, string>> {
  const lines = (await metrics.text()).split('\n').filter((line) => /^dfhf_/.test(line))
  return new Map(lines.map((line) => [line.replace(/ [^ ]*$/, ''), line.split(' ').at(-1) ?? '']))
}

const sources = {
  storeBytes: () => 300,
  storeQuotaBytes: () => 1000,
  evictions: () => 8,
  bans: () => 9,
  blobs: () => 2,
  peers: () => 3,
  uploads: () => 4,
  requests: () => 5,
  tunnels: () => 6,
  isHubWell: () => false,
}

test('the gauges are looked up when the numbers are asked for', async () => {
  const metrics = new DaemonMetrics('1.2.3')
  let blobs = 2
  metrics.watch({ ...sources, blobs: () => blobs })
  const samples = await samplesOf(metrics)
  const names = ['store_bytes', 'blobs', 'peers', 'uploads', 'gateway_requests', 'gateway_tunnels', 'hub_up']
  expect(names.map((name) => samples.get(`dfhf_${name}`))).toEqual(['300', '2', '3', '4', '5', '6', '0'])
  expect(samples.get('dfhf_info{version="1.2.3"}')).toBe('1')
  blobs = 7
  expect((await samplesOf(metrics)).get('dfhf_blobs')).toBe('7')
})

test('the Hub counts as up by 1', async () => {
  const metrics = new DaemonMetrics('1')
  metrics.watch({ ...sources, isHubWell: () => true })
  expect((await samplesOf(metrics)).get('dfhf_hub_up')).toBe('1')
})

test('what happens in transfers, at the gateway and for peers is counted', async () => {
  const metrics = new DaemonMetrics('1')
  const bytes = { hub: 10, peers: 5, local: 0 }
  metrics.observe({ type: 'bytes', id: 1, count: 10, kind: 'hub', source: 'hub' })
  metrics.observe({ type: 'bytes', id: 1, count: 5, kind: 'peers', source: 'a' })
  metrics.observe({ type: 'retry', id: 1, source: 'hub', reason: 'reset', delayMs: 1 })
  const oid = parseOid('ab'.repeat(32))
  metrics.observe({ type: 'task-done', id: 1, oid, ms: 2_000, bytes, pieces: 1, retries: 1 })
  metrics.observe({ type: 'file-failed', id: 2, reason: 'gone' })
  metrics.answered(206)
  metrics.served({ from: 'store', size: 20 })
  metrics.observe({ type: 'bytes-lost', id: 1, count: 3, kind: 'peers' })
  metrics.observe({ type: 'piece', id: 1, piece: 0, kind: 'hub', ms: 40 })
  metrics.observe({ type: 'connections', id: 3, hub: 4, peers: 1 })
  metrics.observe({ type: 'connections', id: 4, hub: 2, peers: 5 })
  metrics.observe({ type: 'file-failed', id: 4, reason: 'wrong', code: 'verification-failed' })
  metrics.hubAnswered(302)
  metrics.hubAnswered(0)
  metrics.watch(sources)
  metrics.uploaded(30)
  const samples = await samplesOf(metrics)
  const expected = {
    'received_bytes_total{source="hub"}': '10',
    'received_bytes_total{source="peers"}': '5',
    retries_total: '1',
    'fetches_total{outcome="done"}': '1',
    'fetches_total{outcome="failed"}': '2',
    'discarded_bytes_total{source="peers"}': '3',
    'piece_seconds_sum{source="hub"}': '0.04',
    hub_connections: '4',
    peers_connections: '1',
    verification_failures_total: '1',
    'hub_requests_total{status="302"}': '1',
    'hub_requests_total{status="error"}': '1',
    store_quota_bytes: '1000',
    store_evictions_total: '8',
    peer_bans_total: '9',
    fetch_seconds_sum: '2',
    'gateway_answers_total{status="206"}': '1',
    'gateway_reads_total{from="store"}': '1',
    'gateway_read_bytes_total{from="store"}': '20',
    uploaded_bytes_total: '30',
  }
  for (const [name, value] of Object.entries(expected))
    expect([name, samples.get(`dfhf_${name}`)]).toEqual([name, value])
})

test('wrong bytes that were fetched again, and fetches that no client wants any more, are counted apart', async () => {
  const metrics = new DaemonMetrics('1')
  expect((await samplesOf(metrics)).get('dfhf_corruptions_total{of="blob"}')).toBe('0')
  metrics.observe({ type: 'wrong-bytes', id: 1, of: 'piece' })
  metrics.observe({ type: 'file-failed', id: 2, reason: 'aborted', code: 'cancelled' })
  const samples = await samplesOf(metrics)
  expect(samples.get('dfhf_corruptions_total{of="piece"}')).toBe('1')
  expect(samples.get('dfhf_fetches_total{outcome="cancelled"}')).toBe('1')
  expect(samples.get('dfhf_fetches_total{outcome="failed"}')).toBe('0')
})
