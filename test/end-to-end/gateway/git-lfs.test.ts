import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { clientHome, type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { isExact, oidOf, sentOf } from '../../support/program/weights.ts'
import { type ProcessResult, runProcess } from '../../support/python/run-process.ts'

setDefaultTimeout(120_000)
const id = 'o/lfs'
const repo: RepoSpec = {
  id,
  commits: [
    {
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'README.md': 'text\n',
      'w.bin': { seed: 'w', size: 3_000_000, lfs: true },
      'deep/v.bin': { seed: 'v', size: 70_000, lfs: true },
      'empty.bin': { text: '', lfs: true },
    },
  ],
}

/** Clones as a user who never did; `credentials` is `name:token`. */
async function clone(
  node: GatewayNode,
  name: string,
  options: { readonly credentials?: string; readonly allowsFailure?: boolean } = {},
): Promise<ProcessResult & { readonly folder: string }> {
  const home = clientHome(node.machine, name)
  mkdirSync(home, { recursive: true })
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_LFS_SKIP_SMUDGE: '0',
  }
  await runProcess(['git', 'lfs', 'install', '--skip-repo'], { env, cwd: home })
  const { credentials } = options
  const remote = credentials ? node.url.replace('//', `//${credentials}@`) : node.url
  const command = ['timeout', '60', 'git', 'clone', '-q', `${remote}/${id}`, 'clone']
  const { allowsFailure = false } = options
  return { ...(await runProcess(command, { env, cwd: home, allowsFailure })), folder: join(home, 'clone') }
}

function expectClone(hub: TestHub, folder: string): void {
  for (const path of ['w.bin', 'deep/v.bin', 'README.md', 'empty.bin'])
    expect(isExact(hub, join(folder, path), path, id), path).toBe(true)
}

describe.skipIf(!hasPrograms('git', 'git-lfs'))('git clone with git-lfs over the gateway', () => {
  test('has all files, each large one once from the Hub, and a second clone costs none of them', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    await using node = await startNode(hub.url)
    expectClone(hub, (await clone(node, 'first')).folder)
    expect(sentOf(hub, 'w.bin', id)).toBe(3_000_000)
    hub.resetStats()
    expectClone(hub, (await clone(node, 'second')).folder)
    expect(hub.stats().cdn.bodyBytes).toBe(0)
    expect(hub.stats().violations).toEqual([])
  })

  test('shares its objects with clients of the mirror', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    await using node = await startNode(hub.url)
    expectClone(hub, (await clone(node, 'user')).folder)
    hub.resetStats()
    const answer = await fetch(`${node.url}/${id}/resolve/main/w.bin`)
    const digest = new Bun.CryptoHasher('sha256').update(await answer.bytes()).digest('hex')
    expect(digest).toBe(oidOf(hub, 'w.bin', id))
    expect(hub.stats().cdn.bodyBytes).toBe(0)
  })

  test('gives a private repo to clients that the Hub lets, and to no other', async () => {
    await using hub = await startTestHub({
      repos: [{ ...repo, private: true }],
      users: [
        { name: 'in', token: 'hf_in', access: [id] },
        { name: 'out', token: 'hf_out' },
      ],
    })
    await using node = await startNode(hub.url)
    const refused = async (name: string, credentials?: string) => {
      const { exitCode } = await clone(node, name, {
        ...(credentials && { credentials }),
        allowsFailure: true,
      })
      expect(exitCode, name).not.toBe(0)
    }
    await refused('out-before', 'out:hf_out')
    expectClone(hub, (await clone(node, 'in', { credentials: 'in:hf_in' })).folder)
    await refused('out-after', 'out:hf_out')
    await refused('nobody-after')
    expect(hub.stats().violations).toEqual([])
  })
})
