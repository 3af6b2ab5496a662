import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { eventually } from '../../support/gateway/eventually.ts'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'

setDefaultTimeout(180_000)
const count = 600
const readers = 4

test('a node that has served 600 different blobs to clients, with peers, is as small as before when it rests', async () => {
  const names = Array.from({ length: count }, (_, index) => `f${index}`)
  const files = Object.fromEntries(names.map((name) => [name, { seed: name, size: 1_200_000, lfs: true }]))
  await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [files] }] })
  const quota = ['--store-quota', '100MB', '--min-free', '0']
  await using peer = await startNode(hub.url, { seeds: [] })
  await using node = await startNode(hub.url, { seeds: [peer.peerAddress ?? ''], args: quota })
  const waiting = [...names]
  const read = async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const answer = await fetch(`${node.url}/o/r/resolve/main/${name}`)
      expect((await answer.bytes()).length).toBe(1_200_000)
    }
  }
  await Promise.all(Array.from({ length: readers }, read))
  const resident = async () =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${node.running.pid}/status`, 'utf8'))?.[1]) * 1024
  const size = await eventually(resident, (bytes) => bytes <= 100e6, 90_000)
  process.stderr.write(`after ${count} blobs: ${Math.round(size / 1e6)} MB resident\n`)
})
