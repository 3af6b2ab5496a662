import { expect, test } from 'bun:test'
import { Bitmap } from '../../../src/blob/bitmap.ts'
import { parseOid } from '../../../src/blob/oid.ts'
import type { StatusSources } from '../../../src/serve/status/status.ts'
import { StatusBoard } from '../../../src/serve/status/status-board.ts'
import { TransferCounters } from '../../../src/transfer/transfer-counters.ts'
import { LandedPieces } from '../../../src/transfer/writing/landed-pieces.ts'

const oid = parseOid('ab'.repeat(32))
const open = { type: 'model', id: 'o/open' } as const
const closed = { type: 'model', id: 'o/closed' } as const

const sources: StatusSources = {
  version: '1',
  hubHost: 'hub.example',
  isHubUp: () => true,
  store: () => ({ used: 1, quota: 2, blobs: 3 }),
  peers: () => ['a', 'b'],
  isKnownPublic: ({ id }) => id === open.id,
}

function transferOf() {
  return {
    size: 100,
    pieces: new LandedPieces(new Bitmap(4)),
    counters: new TransferCounters(1, () => {}),
  }
}

function board() {
  let now = 0
  const made = new StatusBoard(() => now)
  const pass = (ms: number) => {
    now += ms
  }
  return { made, pass }
}

test('names what all may see, and nothing else, of what runs, is done and failed', () => {
  const { made } = board()
  const blobs = [open, closed, undefined].map((repo) => ({
    oid,
    size: 100,
    repo,
    path: `path of ${repo?.id}`,
  }))
  for (const [at, blob] of blobs.entries()) made.began(at, blob, transferOf())
  const names = [{ repo: 'o/open', path: 'path of o/open' }, {}, {}]
  const labels = made
    .look(sources)
    .transfers.map(({ repo, path }) => ({ ...(repo && { repo }), ...(path && { path }) }))
  expect(labels).toEqual(names)
  for (const id of [0, 1]) {
    const bytes = { hub: 100, peers: 0, local: 0 }
    made.observe({ type: 'task-done', id, oid, ms: 5, bytes, pieces: 1, retries: 0 })
  }
  made.observe({ type: 'file-failed', id: 2, reason: 'no file x in o/closed', code: 'forbidden' })
  const status = made.look(sources)
  expect(status.transfers).toEqual([])
  expect(status.recent.map(({ repo }) => repo)).toEqual([undefined, 'o/open'])
  expect(status.errors).toEqual([{ about: {}, text: 'the Hub does not let the asker have it', ago: 0 }])
  expect(JSON.stringify(status)).not.toContain('closed')
  expect(JSON.stringify(made.look({ ...sources, isKnownPublic: () => false }))).not.toContain('o/open')
})

test('a fetch that no client wants any more is no error; wrong bytes are', () => {
  const { made } = board()
  made.began(1, { oid, size: 1, repo: open }, transferOf())
  made.observe({ type: 'wrong-bytes', id: 1, of: 'piece' })
  made.observe({ type: 'file-failed', id: 1, reason: 'aborted', code: 'cancelled' })
  const { errors } = made.look(sources)
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({ about: { repo: 'o/open' }, text: expect.stringContaining('wrong bytes') })
})

test('adds up bytes, and rates by peer', () => {
  const { made, pass } = board()
  made.look(sources)
  pass(1_000)
  made.look(sources)
  made.observe({ type: 'bytes', id: 1, count: 10, kind: 'hub', source: 'hub' })
  made.observe({ type: 'bytes', id: 1, count: 300, kind: 'peers', source: 'a' })
  made.uploaded({ to: 'b', size: 40 })
  for (const from of ['hit', 'join', 'miss', 'pass']) made.served({ from, size: 5 })
  pass(2_000)
  const { bytes, peers, uptime } = made.look(sources)
  expect(uptime).toBe(3)
  expect(bytes).toEqual({ hub: 10, peers: 300, uploaded: 40, clients: 20, saved: 310 })
  expect(peers).toEqual([
    { name: 'a', received: 300, sent: 0, download: 150, upload: 0 },
    { name: 'b', received: 0, sent: 40, download: 0, upload: 20 },
  ])
})

test('shows a bounded part of what there is, and says how much is hidden', () => {
  const { made } = board()
  for (let id = 0; id < 100; id += 1) made.began(id, { oid, size: 1 }, transferOf())
  for (let id = 0; id < 50; id += 1) made.observe({ type: 'file-failed', id, reason: '' })
  const names = Array.from({ length: 200 }, (_, at) => `peer ${at}`)
  const status = made.look({ ...sources, peers: () => names })
  expect([status.transfers.length, status.hidden.transfers]).toEqual([30, 20])
  expect([status.peers.length, status.hidden.peers]).toEqual([50, 150])
  expect(status.errors).toHaveLength(10)
})
