import { expect, setDefaultTimeout, test } from 'bun:test'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 3_000_000
const users = [{ name: 'in', token: 'hf_in', access: ['o/r'] }]

test('a node takes the token that a login writes while it runs, and the next one', async () => {
  await using hub = await startTestHub({ repos: [{ ...weightsRepo(size), private: true }], users })
  await using node = await startNode(hub.url)
  const order = async () => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${node.url}/v1/warm`, { method: 'POST', headers, body: '{"repo":"o/r"}' })
    await answer.bytes()
    return answer.status
  }
  expect(await order()).toBe(404)
  const path = join(node.machine.folder, 'hf/token')
  await writeFile(path, 'hf_none', { mode: 0o600 })
  await node.running.said("the user's token was read anew")
  expect(await order()).toBe(401)
  await writeFile(`${path}.new`, 'hf_in', { mode: 0o600 })
  await rename(`${path}.new`, path)
  await node.running.told(/(?:the user's token was read anew.*){2}()/s)
  expect(await order()).toBe(200)
  expect(sentOf(hub)).toBe(size)
  expect(node.running.stderr()).not.toContain('hf_')
})
