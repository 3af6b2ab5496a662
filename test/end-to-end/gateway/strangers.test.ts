import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { oidOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)

/** What the node's process has cost so far, in hundredths of a second of a core. */
function costOf({ running }: GatewayNode): number {
  const fields = readFileSync(`/proc/${running.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

/** What `count` questions to its peer API cost it, and what it answered. */
async function ask(
  node: GatewayNode,
  count: number,
  target: (index: number) => string,
  atOnce = 4,
): Promise<{ readonly cost: number; readonly statuses: ReadonlySet<number> }> {
  const before = costOf(node)
  const statuses = new Set<number>()
  const questions = Array.from({ length: count }, (_, index) => index).values()
  const askInTurn = async () => {
    for (const index of questions) {
      const answer = await fetch(`http://${node.peerAddress}${target(index)}`)
      await answer.arrayBuffer()
      statuses.add(answer.status)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, askInTurn))
  return { cost: costOf(node) - before, statuses }
}

const unknown = (index: number) => new Bun.CryptoHasher('sha256').update(`none ${index}`).digest('hex')

test('digests that a stranger asks for again and again are computed once', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(200_000_000)] })
  await using node = await startNode(hub.url, { seeds: [] })
  await (await fetch(`${node.url}/o/r/resolve/main/w`)).arrayBuffer()
  const target = () => `/v1/blobs/${oidOf(hub)}/digests?pieces=0-190`
  const first = await ask(node, 1, target, 1)
  expect(first.statuses).toEqual(new Set([200]))
  const later = await ask(node, 100, target, 1)
  expect(later.cost, `after ${first.cost}`).toBeLessThan(100 + 10 * first.cost)
})

test('blobs that no peer has cost a node with many repos little more than a health check', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(1_000)] })
  await using node = await startNode(hub.url, { seeds: [] })
  for (let index = 0; index < 400; index += 1) {
    const folder = join(node.machine.cache, `models--o--r${index}`, 'blobs')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, unknown(-index)), 'text')
  }
  const health = await ask(node, 2_000, () => '/healthz')
  const blobs = await ask(node, 2_000, (index) => `/v1/blobs/${unknown(index)}`)
  expect(blobs.statuses).toEqual(new Set([404]))
  expect(blobs.cost, `a health check: ${health.cost}`).toBeLessThan(100 + 6 * health.cost)
})
