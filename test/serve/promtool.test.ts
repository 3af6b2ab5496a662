import { expect, test } from 'bun:test'
import { parseOid } from '../../src/blob/oid.ts'
import { DaemonMetrics } from '../../src/serve/metrics.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'

const hasPromtool = hasPrograms('promtool')

test.if(hasPromtool)('promtool finds nothing wrong with the numbers', async () => {
  const metrics = new DaemonMetrics('1.2.3')
  const one = () => 1
  metrics.watch({
    storeBytes: one,
    storeQuotaBytes: one,
    blobs: one,
    peers: one,
    uploads: one,
    requests: one,
    tunnels: one,
    isHubWell: one,
    evictions: one,
    bans: one,
  })
  const bytes = { hub: 10, peers: 5, local: 0 }
  metrics.observe({ type: 'bytes', id: 1, count: 10, kind: 'hub', source: 'hub' })
  metrics.observe({ type: 'bytes-lost', id: 1, count: 5, kind: 'peers' })
  metrics.observe({ type: 'piece', id: 1, piece: 0, kind: 'hub', ms: 30 })
  const oid = parseOid('ab'.repeat(32))
  metrics.observe({ type: 'task-done', id: 1, oid, ms: 2_000, bytes, pieces: 1, retries: 1 })
  metrics.observe({ type: 'file-failed', id: 2, reason: 'wrong', code: 'verification-failed' })
  metrics.hubAnswered(200)
  metrics.answered(206)
  metrics.served({ from: 'store', size: 20 })
  metrics.uploaded(30)
  const check = Bun.spawn(['promtool', 'check', 'metrics'], {
    stdin: new TextEncoder().encode(await metrics.text()),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const said = (await new Response(check.stdout).text()) + (await new Response(check.stderr).text())
  expect([said, await check.exited]).toEqual(['', 0])
})
