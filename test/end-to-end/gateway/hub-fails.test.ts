import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../../support/gateway/eventually.ts'
import { clientHome, type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { pythonClient } from '../../support/gateway/python-client.ts'
import { falconRepo } from '../../support/hub/fixtures.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'
import { canRunPython } from '../../support/python/venv.ts'

setDefaultTimeout(90_000)
const size = 3_000_000

interface Answer {
  readonly status: number
  readonly warning: string | null
  readonly sha256: string
  readonly length: number
}

async function read(node: GatewayNode, path = '/o/r/resolve/main/w', token?: string): Promise<Answer> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const answer = await fetch(node.url + path, { headers })
  const bytes = await answer.bytes()
  return {
    status: answer.status,
    warning: answer.headers.get('warning'),
    sha256: new Bun.CryptoHasher('sha256').update(bytes).digest('hex'),
    length: bytes.length,
  }
}

const troubles: Readonly<Record<string, (hub: TestHub) => void>> = {
  'is down': (hub) => {
    hub.stop('hub')
    hub.stop('cdn')
  },
  'answers 429': (hub) => {
    hub.rateLimit.quotas = { api: 0, resolvers: 0, pages: 0, windowSeconds: 300 }
  },
  'answers 500': (hub) => void hub.addFault({ match: { side: 'hub' }, status: 500 }),
}

describe('when the Hub', () => {
  for (const [name, befall] of Object.entries(troubles)) {
    test.concurrent(`${name}, public files that are here are served on, and marked`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      await using node = await startNode(hub.url)
      expect(await read(node)).toMatchObject({ status: 200, warning: null, sha256: oidOf(hub) })
      expect(await read(node, '/o/r/resolve/main/t')).toMatchObject({ status: 200, length: 5 })
      befall(hub)
      for (const path of ['/o/r/resolve/main/w', '/o/r/resolve/main/t']) {
        const good = await read(node, path)
        expect(good.status, path).toBe(200)
        const marked = await eventually(
          () => read(node, path),
          ({ status, warning }) => status === 200 && warning !== null,
        )
        expect(marked).toEqual({ ...good, warning: marked.warning })
        expect(marked.warning).toMatch(/^11[0-9] /)
      }
      expect(node.running.stderr()).toMatch(/Hub/)
    })
  }

  test.skipIf(!canRunPython())(
    'is down, a client with an empty cache gets a snapshot that another one had',
    async () => {
      const repo = falconRepo({ weightsSize: size })
      await using hub = await startTestHub({ repos: [repo] })
      await using node = await startNode(hub.url)
      const snapshot = async (who: string) => {
        const home = clientHome(node.machine, who)
        const { calls, cacheDir } = await pythonClient({ version: 'hub-1', endpoint: node.url, home })
        await calls.snapshot(cacheDir, { repo_id: repo.id })
        expect(cacheFaults(cacheDir)).toEqual([])
      }
      await snapshot('first')
      hub.stop('hub')
      hub.stop('cdn')
      await snapshot('second')
    },
  )

  test.concurrent('comes back, answers are unmarked again and new commits are seen', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    await using node = await startNode(hub.url)
    await read(node, '/o/r/resolve/main/t')
    const fault = hub.addFault({ match: { side: 'hub' }, status: 500 })
    await eventually(
      () => read(node, '/o/r/resolve/main/t'),
      ({ warning }) => warning !== null,
    )
    fault.remove()
    hub.repo('o/r').commit({ t: 'newer text\n' })
    const newer = await eventually(
      () => read(node, '/o/r/resolve/main/t'),
      ({ length }) => length === 11,
    )
    expect(newer).toMatchObject({ status: 200, warning: null })
  })

  test.concurrent('is down, private files stay where they are', async () => {
    await using hub = await startTestHub({
      repos: [{ ...weightsRepo(size), private: true }],
      users: [
        { name: 'in', token: 'hf_in', access: ['o/r'] },
        { name: 'out', token: 'hf_out' },
      ],
    })
    await using node = await startNode(hub.url)
    expect(await read(node, undefined, 'hf_in')).toMatchObject({ status: 200, sha256: oidOf(hub) })
    hub.stop('hub')
    for (const token of ['hf_out', undefined]) {
      const refused = await read(node, undefined, token)
      expect(refused.status).toBeGreaterThanOrEqual(400)
      expect(refused.length).toBeLessThan(1000)
    }
    // Even to those who could have it once, as soon as the Hub's word is no longer fresh.
    const refused = await eventually(
      () => read(node, undefined, 'hf_in'),
      ({ status }) => status >= 500,
      60_000,
    )
    expect(refused.length).toBeLessThan(1000)
  })

  for (const span of ['0', '3s']) {
    test.concurrent(`is down for longer than --stale-for ${span} allows, nothing is served any more`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      await using node = await startNode(hub.url, { args: ['--stale-for', span] })
      await read(node)
      hub.stop('hub')
      const seen: Answer[] = []
      await eventually(
        async () => {
          const answer = await read(node)
          seen.push(answer)
          return answer
        },
        ({ status }) => status >= 500,
        60_000,
      )
      if (span === '0') expect(seen.filter(({ warning }) => warning !== null)).toEqual([])
    })
  }

  test.concurrent('is down, what was never here is refused in words', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    await using node = await startNode(hub.url)
    hub.stop('hub')
    const answer = await fetch(`${node.url}/o/r/resolve/main/w`)
    expect([502, 503, 504]).toContain(answer.status)
    expect(answer.headers.get('x-error-message') ?? '').not.toBe('')
  })
})

describe('bytes of the CDN that are wrong', () => {
  for (const [name, length, at] of [
    ['of a large file', 20_000_000, 19_000_000],
    ['of a small file', 40_000, 30_000],
  ] as const) {
    test(`${name} are never the end of an answer, and the right ones come as soon as the CDN has them`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(length)] })
      await using node = await startNode(hub.url)
      const fault = hub.addFault({ match: { side: 'cdn' }, flip: [at] })
      const status = await read(node).then(
        (answer) => answer.status,
        () => undefined,
      )
      expect(status === undefined || status >= 500).toBe(true)
      expect(node.running.stderr()).toMatch(/verif|wrong|hash/i)
      fault.remove()
      const good = await eventually(
        () => read(node).catch(() => undefined),
        (answer) => answer?.status === 200,
      )
      expect(good?.sha256).toBe(oidOf(hub))
    })
  }

  test.skipIf(!canRunPython())('leave huggingface_hub without the file', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(20_000_000)] })
    await using node = await startNode(hub.url)
    hub.addFault({ match: { side: 'cdn' }, flip: [19_500_000] })
    const home = clientHome(node.machine, 'user')
    const { calls, cacheDir } = await pythonClient({ version: 'hub-1', endpoint: node.url, home })
    const [result] = await calls.batch([
      { verb: 'download', arguments: { cache_dir: cacheDir, repo_id: 'o/r', filename: 'w' } },
    ])
    expect(result?.error).toBeDefined()
    expect(
      cacheFaults(cacheDir, { mayHavePartials: true }).filter((fault) => fault.includes('blobs')),
    ).toEqual([])
  })
})

describe('a peer', () => {
  const large = 32_000_000

  test('that has the file gives it, and the Hub no byte', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(large)] })
    await using holder = await startNode(hub.url, { seeds: [] })
    await read(holder)
    hub.resetStats()
    await using node = await startNode(hub.url, { seeds: [holder.peerAddress ?? ''] })
    await eventually(
      async () => node.running.stderr(),
      (text) => /peer|joined|found/i.test(text),
      5_000,
    )
    expect((await read(node)).sha256).toBe(oidOf(hub))
    expect(sentOf(hub)).toBeLessThan(large * 0.02)
  })

  test('that dies midway leaves the answer to go on from the Hub', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(large)] })
    await using holder = await startNode(hub.url, { seeds: [], args: ['--upload-limit-rate', '8MB'] })
    await read(holder)
    hub.resetStats()
    await using node = await startNode(hub.url, { seeds: [holder.peerAddress ?? ''] })
    hub.faults.setRates({ cdn: 6_000_000 })
    const answer = await fetch(`${node.url}/o/r/resolve/main/w`)
    expect(answer.status).toBe(200)
    const hash = new Bun.CryptoHasher('sha256')
    let got = 0
    for await (const chunk of answer.body ?? []) {
      hash.update(chunk)
      got += chunk.length
      if (got > large / 8) holder.running.kill('SIGKILL')
    }
    expect(got).toBe(large)
    expect(hash.digest('hex')).toBe(oidOf(hub))
  })
})
