import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import type { Fault } from '../../support/hub/faults.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { hasHf, hfDownload, hfSnapshot } from '../../support/program/hf.ts'
import { newMachine } from '../../support/program/machine.ts'
import { isExact } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)

const token = 'hf_secretofthismachine'
const users = [{ name: 'ann', token }]
const files = {
  'a.txt': 'a\n',
  'b.txt': 'b\n',
  'c.txt': 'c\n',
  'sub/w.bin': { seed: 'w', size: 90_000, lfs: true },
}
const repo = { id: 'o/r', commits: [files] } as const

/** A 404 of a server that does not know the call; the Hub would say what it misses. */
function without(kind: 'tree' | 'paths-info' | 'info'): Fault {
  const headers = { 'X-Error-Code': null, 'X-Error-Message': null, 'X-Repo-Commit': null }
  return { match: { kind }, status: 404, headers }
}

/** A mirror whose answers go through `change`. */
function mirrorOf(
  hub: TestHub,
  change: (path: string, answer: Response, headers: Headers) => Promise<Response | undefined>,
) {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const isHead = request.method === 'HEAD'
      const answer = await fetch(hub.url + pathname + search, {
        method: request.method,
        headers: request.headers,
        redirect: 'manual',
        ...(request.method === 'POST' && { body: await request.bytes() }),
      })
      const headers = new Headers(answer.headers)
      headers.delete('content-encoding')
      const changed = await change(pathname, answer, headers)
      return changed ?? new Response(isHead ? null : await answer.bytes(), { status: answer.status, headers })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.dispose]: () => server.stop(true) }
}

describe('next pages of a list', () => {
  for (const prefix of ['', '/other'])
    test(`on another host ${prefix} are not asked for, and the token does not go there`, async () => {
      await using hub = await startTestHub({ repos: [repo], users, pageSize: 1 })
      const heard: (string | null)[] = []
      using stranger = Bun.serve({
        port: 0,
        hostname: '127.0.0.3',
        fetch(request) {
          heard.push(request.headers.get('authorization'))
          return Response.json([])
        },
      })
      using mirror = mirrorOf(hub, async (_, answer, headers) => {
        const link = headers.get('link')
        if (!link) return undefined
        headers.set('link', link.replace(/<https?:\/\/[^/>]*/, `<http://127.0.0.3:${stranger.port}${prefix}`))
        return new Response(await answer.bytes(), { status: answer.status, headers })
      })
      using machine = newMachine(mirror.url)
      const result = await runDfhf(machine, ['snapshot', 'o/r'], { env: { HF_TOKEN: token } })
      expect(result.code).toBe(6)
      expect(result.stderr).toContain("the next page of the Hub's file list is on another host")
      expect(result.stderr).not.toContain(token)
      expect(heard).toEqual([])
      expect(hub.stats().hub.authorizations).toEqual([`Bearer ${token}`])
    })

  test.each([
    ['a path without scheme and host', ''],
    ['a host without scheme', '//127.0.0.1:9'],
    ['another scheme and port', 'https://127.0.0.1:9'],
    ["the Hub's own address", 'https://huggingface.co'],
  ])('that come as %s are those of the endpoint, which gets the token', async (_, base) => {
    await using hub = await startTestHub({ repos: [repo], users, pageSize: 1 })
    using mirror = mirrorOf(hub, async (_, answer, headers) => {
      const link = headers.get('link')
      if (!link) return undefined
      headers.set('link', link.replace(/<https?:\/\/[^/>]*/, `<${base}`))
      return new Response(await answer.bytes(), { status: answer.status, headers })
    })
    using machine = newMachine(mirror.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'], { env: { HF_TOKEN: token } })
    expect(result.code, result.stderr).toBe(0)
    const pages = hub.requests.filter(({ kind }) => kind === 'tree')
    expect(pages.length).toBeGreaterThan(3)
    expect(new Set(pages.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${token}`]))
    expect(hub.stats().cdn.authorizations).toEqual([])
    for (const name of Object.keys(files))
      expect(isExact(hub, `${result.stdout.trimEnd()}/${name}`, name)).toBe(true)
  })
})

describe('a mirror', () => {
  test('without the call that tells of a revision is not taken for one without the repo', async () => {
    await using hub = await startTestHub({ repos: [repo], faults: [without('info')] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(result.code).toBe(3)
    expect(result.stderr).toContain("or this is a mirror that lacks the Hub's call 'revision'")
    const single = await runDfhf(machine, ['download', 'o/r', 'a.txt'])
    expect(single.code, single.stderr).toBe(0)
    // The Hub itself says what it misses.
    const other = await runDfhf(machine, ['download', 'o/none', 'a.txt'])
    expect(other.stderr).not.toContain('lacks')
  })

  test('that describes all files whichever are asked for gives the one that was', async () => {
    const noEtag: Fault = { match: { method: 'HEAD', target: 'b\\.txt' }, headers: { ETag: null } }
    await using hub = await startTestHub({ repos: [repo], faults: [noEtag] })
    using mirror = mirrorOf(hub, async (path, answer, headers) => {
      if (!path.includes('/paths-info/')) return undefined
      headers.delete('content-length')
      const tree = await fetch(`${hub.url}/api/models/o/r/tree/main?recursive=true`)
      return Response.json(await tree.json(), { status: answer.status, headers })
    })
    using machine = newMachine(mirror.url)
    const result = await runDfhf(machine, ['download', 'o/r', 'b.txt'])
    expect(result.code, result.stderr).toBe(0)
    expect(isExact(hub, result.stdout.trimEnd(), 'b.txt')).toBe(true)
  })
})

describe.skipIf(!hasHf)('as huggingface_hub', () => {
  test('single files come by HEAD alone', async () => {
    const faults = [without('tree'), without('paths-info'), without('info')]
    await using hub = await startTestHub({ repos: [repo], faults })
    for (const name of ['a.txt', 'sub/w.bin']) {
      using machine = newMachine(hub.url)
      using other = newMachine(hub.url)
      const result = await runDfhf(machine, ['download', 'o/r', name])
      const found = await hfDownload(other, { repo_id: 'o/r', filename: name, cache_dir: other.cache })
      expect(result.code, result.stderr).toBe(0)
      for (const path of [result.stdout.trimEnd(), String(found)]) expect(isExact(hub, path, name)).toBe(true)
    }
  })

  test.each([[], ['--quiet'], ['--json']])(
    'a pattern that matches nothing is no failure (%s)',
    async (...extra) => {
      await using hub = await startTestHub({ repos: [repo] })
      using machine = newMachine(hub.url)
      using other = newMachine(hub.url)
      const result = await runDfhf(machine, ['snapshot', 'o/r', '--include', '*.gguf', ...extra])
      const found = await hfSnapshot(other, {
        repo_id: 'o/r',
        cache_dir: other.cache,
        allow_patterns: ['*.gguf'],
      })
      expect(result.code, result.stderr).toBe(0)
      const path: string = extra.includes('--json') ? JSON.parse(result.stdout).path : result.stdout.trimEnd()
      expect(path.slice(machine.cache.length)).toBe(String(found).slice(other.cache.length))
      expect(result.stderr.includes("is meant by --include '*.gguf'")).toBe(!extra.includes('--quiet'))
    },
  )

  test('a dataset is no model', async () => {
    await using hub = await startTestHub({ repos: [{ ...repo, type: 'dataset' }] })
    using machine = newMachine(hub.url)
    using other = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(await hfSnapshot(other, { repo_id: 'o/r', cache_dir: other.cache })).toContain('HfHubHTTPError')
    expect(result.code).toBe(3)
    const model = await runDfhf(machine, ['download', 'datasets/o/r', 'a.txt'])
    expect(model.code, model.stderr).toBe(0)
    expect(readdirSync(machine.cache)).toContain('datasets--o--r')
  })
})
