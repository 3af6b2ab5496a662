import { expect, test } from 'bun:test'
import { Readiness } from '../../src/serve/readiness.ts'

function answer(readiness: Readiness, path: string): { status: number; body: unknown } {
  const reply = readiness.probes.get(path)?.()
  const body =
    reply?.body instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(reply.body)) : undefined
  return { status: reply?.status ?? 0, body }
}

test('a node is ready when all is prepared, and says until then what is missing', () => {
  const done = { store: false, peers: false }
  const readiness = new Readiness({ 'store-index': () => done.store, 'peer-search': () => done.peers })
  const missing = ['store-index', 'peer-search']
  expect(answer(readiness, '/healthz')).toEqual({ status: 200, body: { ok: true } })
  expect(answer(readiness, '/startupz')).toEqual({ status: 503, body: { started: false, missing } })
  expect(answer(readiness, '/readyz')).toEqual({ status: 503, body: { ready: false, missing } })
  done.store = true
  expect(answer(readiness, '/readyz').body).toEqual({ ready: false, missing: ['peer-search'] })
  done.peers = true
  expect(answer(readiness, '/readyz')).toEqual({ status: 200, body: { ready: true, missing: [] } })
  done.peers = false
  expect(answer(readiness, '/readyz').status).toBe(200)
})

test('a node that stops is well and started, but not ready', () => {
  const readiness = new Readiness({ 'store-index': () => true, 'peer-search': () => true })
  readiness.stop()
  expect(answer(readiness, '/readyz')).toEqual({ status: 503, body: { ready: false, missing: ['stopping'] } })
  expect(answer(readiness, '/startupz').status).toBe(200)
  expect(answer(readiness, '/healthz').status).toBe(200)
})
