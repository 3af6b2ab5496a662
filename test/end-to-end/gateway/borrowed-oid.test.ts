import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../support/gateway/eventually.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { newMachine } from '../../support/program/machine.ts'
import { oidOf } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 3_000_000
const secret: RepoSpec = {
  id: 'o/secret',
  private: true,
  commits: [{ s: { seed: 'secret', size, lfs: true } }],
}
const users = [{ name: 'in', token: 'hf_in', access: ['o/secret'] }]
const absent = 'a'.repeat(64)

/**
 * A Hub with a public repo whose author wrote two pointers: `here` with the oid of the private blob, `absent` with one
 * that no repo has. The Hub shows them as they are, and its LFS store has no such object in that repo.
 */
async function startHub(): Promise<TestHub> {
  const hub = await startTestHub({ repos: [secret], users })
  const oid = oidOf(hub, 's', 'o/secret')
  const pointer = (claimed: string) => ({ seed: 'evil', size, lfs: true, claims: { oid: claimed } })
  hub.repos.add({ id: 'evil/x', commits: [{ here: pointer(oid), absent: pointer(absent) }] })
  const folder = createHash('sha256').update('model/evil/x').digest('hex')
  hub.addFault({ match: { side: 'cdn', target: folder }, status: 404 })
  return hub
}

async function readSecret(node: GatewayNode): Promise<void> {
  const headers = { Authorization: 'Bearer hf_in' }
  const answer = await fetch(`${node.url}/o/secret/resolve/main/s`, { headers })
  expect((await answer.bytes()).length).toBe(size)
}

/** All that a client without a token can ask of one of the two files; what names the file is left out. */
async function answers(
  node: GatewayNode,
  hub: TestHub,
  name: 'here' | 'absent',
): Promise<readonly unknown[]> {
  const oid = oidOf(hub, name, 'evil/x')
  const plain = (text: string) =>
    text.replaceAll(oid, 'OID').replaceAll(oid.slice(0, 12), 'OID').replaceAll(name, 'NAME')
  const found: unknown[] = []
  const note = async (what: string, answer: Response) =>
    found.push([what, answer.status, plain(await answer.text())])
  for (const range of [undefined, 'bytes=0-9', `bytes=${size - 10}-`, 'bytes=0-2000000']) {
    const headers = range === undefined ? {} : { Range: range }
    await note(`${range}`, await fetch(`${node.url}/evil/x/resolve/main/${name}`, { headers }))
  }
  const batch = await fetch(`${node.url}/evil/x.git/info/lfs/objects/batch`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/vnd.git-lfs+json' },
    body: JSON.stringify({ operation: 'download', transfers: ['basic'], objects: [{ oid, size }] }),
  })
  const { objects } = (await batch.json()) as { objects: { actions: { download: { href: string } } }[] }
  await note('object', await fetch(objects[0]?.actions.download.href ?? ''))
  const warm = await fetch(`${node.url}/v1/warm`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ repo: 'evil/x', include: [name] }),
  })
  await note('warm', warm)
  return found
}

describe('a pointer of a public repo to a private blob', () => {
  test('gets no byte of it, and tells in nothing that it is here', async () => {
    await using hub = await startHub()
    await using node = await startNode(hub.url)
    await readSecret(node)
    const [here, missing] = [await answers(node, hub, 'here'), await answers(node, hub, 'absent')]
    expect(here).toEqual(missing)
    for (const [what, status, text] of here as [string, number, string][]) {
      expect([what, what === 'warm' || status >= 400]).toEqual([what, true])
      expect(text.length).toBeLessThan(2_000)
      expect(text).not.toContain('"wasHere":true')
    }
    // The same steps in the same order, as the Hub sees them.
    const folder = createHash('sha256').update('model/evil/x').digest('hex')
    const asked = (oid: string) =>
      hub.requests.filter(({ target }) => target.includes(`${folder}/${oid}`)).map(({ method }) => method)
    expect(asked(oidOf(hub, 's', 'o/secret'))).toEqual(asked(absent))
    expect(asked(absent)).not.toEqual([])
  })

  test('does not bring it from a peer that holds the key', async () => {
    await using hub = await startHub()
    using keys = newMachine(hub.url)
    const key = join(keys.folder, 'key')
    writeFileSync(key, 'k'.repeat(64))
    const args = ['--cluster-key-file', key]
    await using holder = await startNode(hub.url, { seeds: [], args })
    await readSecret(holder)
    await using node = await startNode(hub.url, { seeds: [holder.peerAddress ?? ''], args })
    await eventually(
      async () => node.running.stderr(),
      (text) => /joined/.test(text),
    )
    await answers(node, hub, 'here')
    const metrics = await (await fetch(`${node.url}/metrics`)).text()
    expect(/^dfhf_\w*blobs\w* (\d+)$/m.exec(metrics)?.[1]).toBe('0')
  })

  test('and a repo that holds it as well gives it to every client, from here', async () => {
    await using hub = await startHub()
    hub.repos.add({ id: 'o/open', commits: secret.commits })
    await using node = await startNode(hub.url)
    await readSecret(node)
    hub.resetStats()
    const answer = await fetch(`${node.url}/o/open/resolve/main/s`)
    expect([(await answer.bytes()).length, answer.headers.get('x-dfhf-cache')]).toEqual([size, 'hit'])
    expect(hub.stats().cdn.bodyBytes).toBe(0)
  })
})
