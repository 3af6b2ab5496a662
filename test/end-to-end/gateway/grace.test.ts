import { expect, setDefaultTimeout, test } from 'bun:test'
import { withDeadline } from '../../support/gateway/deadline.ts'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { oidOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(90_000)
const size = 24_000_000

/** Reads all of an answer and gives its sha256, or what broke it off. */
async function readAll(asked: Promise<Response>): Promise<string> {
  const hasher = new Bun.CryptoHasher('sha256')
  try {
    const answer = await asked
    for await (const chunk of answer.body ?? []) hasher.update(chunk)
    return hasher.digest('hex')
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

test('a client that is served when SIGTERM comes gets its whole transfer, and the node is not ready meanwhile', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 3_000_000 } })
  await using node = await startNode(hub.url, { args: ['--grace', '60'] })
  const ready = await fetch(`${node.url}/readyz`)
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, missing: [] }])
  const whole = readAll(fetch(`${node.url}/o/r/resolve/main/w`))
  await hub.until(({ cdn }) => cdn.bodyBytes > 1_000_000)
  node.running.kill('SIGTERM')
  await node.running.said('leaving')
  const unready = await fetch(`${node.url}/readyz`)
  expect([unready.status, await unready.json()]).toEqual([503, { ready: false, missing: ['stopping'] }])
  expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
  const refused = await fetch(`${node.url}/o/r/resolve/main/w`)
  expect([refused.status, refused.headers.get('connection')]).toEqual([503, 'close'])
  expect(await whole).toBe(oidOf(hub))
  const { code, stderr } = await withDeadline(node.running.result, 30_000, () => 'it does not end')
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('were cut')])
})

test('a client that is slower than the grace is cut', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 1_000_000 } })
  await using node = await startNode(hub.url, { args: ['--grace', '2'] })
  const whole = readAll(fetch(`${node.url}/o/r/resolve/main/w`))
  await hub.until(({ cdn }) => cdn.bodyBytes > 500_000)
  node.running.kill('SIGTERM')
  const { code, stderr } = await withDeadline(node.running.result, 20_000, () => 'it does not end')
  expect([code, stderr]).toEqual([0, expect.stringContaining('were cut: 1')])
  expect(await whole).not.toBe(oidOf(hub))
})

test('a second signal cuts at once', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 1_000_000 } })
  await using node = await startNode(hub.url, { args: ['--grace', '600'] })
  const whole = readAll(fetch(`${node.url}/o/r/resolve/main/w`))
  await hub.until(({ cdn }) => cdn.bodyBytes > 500_000)
  node.running.kill('SIGTERM')
  await node.running.said('leaving')
  node.running.kill('SIGINT')
  const { code } = await withDeadline(node.running.result, 20_000, () => 'it does not end')
  expect(code).toBe(130)
  expect(await whole).not.toBe(oidOf(hub))
})

test('a node with nothing to do leaves at once, whatever its grace, though idle connections stay open', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
  await using node = await startNode(hub.url, { args: ['--grace', '600'], seeds: [] })
  await (await fetch(`${node.url}/o/r/resolve/main/w`)).bytes()
  await (await fetch(`http://${node.peerAddress}/healthz`)).bytes()
  node.running.kill('SIGTERM')
  const { code } = await withDeadline(node.running.result, 20_000, () => 'it does not end')
  expect(code).toBe(0)
})
