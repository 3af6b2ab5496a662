import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { oidOf } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const files = {
  w: { seed: 'secret weights', size: 400_000, lfs: true },
  t: 'secret text\n',
}
const ids = ['o/private', 'o/gated'] as const
const repos: RepoSpec[] = [
  { id: 'o/private', private: true, commits: [files] },
  { id: 'o/gated', gated: 'manual', commits: [files] },
]
const users = [
  { name: 'in', token: 'hf_in', access: [...ids] },
  { name: 'out', token: 'hf_out' },
]
const callers = { in: 'hf_in', out: 'hf_out', unknown: 'hf_unknown', anonymous: undefined } as const

/** What a client sees of an answer; a redirect to the bytes counts as the bytes. */
interface Verdict {
  readonly status: number
  readonly code: string | null
  readonly message: string | null
}

function questionsOf(id: string): readonly [method: string, path: string, body?: string][] {
  const batch = JSON.stringify({
    operation: 'download',
    transfers: ['basic'],
    objects: [{ oid: 'f'.repeat(64), size: 1 }],
  })
  return [
    ['HEAD', `/${id}/resolve/main/w`],
    ['GET', `/${id}/resolve/main/w`],
    ['HEAD', `/${id}/resolve/main/t`],
    ['GET', `/${id}/resolve/main/t`],
    ['GET', `/${id}/resolve/main/none`],
    ['GET', `/${id}/resolve/no-branch/w`],
    ['GET', `/api/models/${id}`],
    ['GET', `/api/models/${id}/revision/main`],
    ['GET', `/api/models/${id}/tree/main?recursive=true`],
    ['POST', `/${id}.git/info/lfs/objects/batch`, batch],
  ]
}

async function ask(
  endpoint: string,
  [method, path, body]: readonly [string, string, string?],
  token: string | undefined,
): Promise<Verdict> {
  const answer = await fetch(endpoint + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/vnd.git-lfs+json' }),
    },
    ...(body !== undefined && { body }),
  })
  await answer.bytes()
  const isRedirect = answer.status >= 300 && answer.status < 400 && answer.status !== 304
  return {
    status: isRedirect ? 200 : answer.status,
    code: answer.headers.get('x-error-code'),
    message: answer.headers.get('x-error-message'),
  }
}

/** The answers to all callers and questions. */
async function verdicts(endpoint: string, id: string): Promise<Record<string, Verdict>> {
  const found: Record<string, Verdict> = {}
  for (const question of questionsOf(id))
    for (const [name, token] of Object.entries(callers))
      found[`${name}: ${question[0]} ${question[1]}`] = await ask(endpoint, question, token)
  return found
}

/**
 * Clients take a bare 401 for 'no such repo' only where its address begins with https, so a mirror that speaks http
 * must say it in a header.
 */
function asOverHttps(found: Readonly<Record<string, Verdict>>): Record<string, Verdict> {
  const entries = Object.entries(found).map(([question, verdict]) => {
    const isBare = verdict.status === 401 && verdict.code === null
    const isBadToken = verdict.message === 'Invalid credentials in Authorization header'
    return [question, isBare && !isBadToken ? { ...verdict, code: 'RepoNotFound' } : verdict]
  })
  return Object.fromEntries(entries) as Record<string, Verdict>
}

async function read(node: GatewayNode, id: string, path: string, token?: string): Promise<Response> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  return fetch(`${node.url}/${id}/resolve/main/${path}`, { headers })
}

function startHub(): Promise<TestHub> {
  return startTestHub({ repos, users })
}

describe('the Hub decides who may have what', () => {
  for (const id of ids) {
    test(`${id}: all callers are answered as by the Hub itself, before and after the bytes are here`, async () => {
      await using hub = await startHub()
      await using node = await startNode(hub.url)
      const direct = asOverHttps(await verdicts(hub.url, id))
      expect(direct[`in: GET /${id}/resolve/main/w`]?.status).toBe(200)
      expect(direct[`out: GET /${id}/resolve/main/w`]?.status).toBeGreaterThanOrEqual(400)
      expect(await verdicts(node.url, id)).toEqual(direct)
      for (const path of ['w', 't']) {
        const answer = await read(node, id, path, 'hf_in')
        expect(answer.status).toBe(200)
        await answer.bytes()
      }
      expect(await verdicts(node.url, id)).toEqual(direct)
      expect(hub.stats().violations).toEqual([])
      expect(hub.stats().cdn.authorizations).toEqual([])
    })

    test(`${id}: the bytes come to whom the Hub accepts, the second time from here`, async () => {
      await using hub = await startHub()
      await using node = await startNode(hub.url)
      for (const path of ['w', 't']) await (await read(node, id, path, 'hf_in')).bytes()
      hub.resetStats()
      const bytes = await (await read(node, id, 'w', 'hf_in')).bytes()
      expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(oidOf(hub, 'w', id))
      expect(await (await read(node, id, 't', 'hf_in')).text()).toBe('secret text\n')
      expect(hub.stats().cdn.bodyBytes).toBe(0)
    })

    test(`${id}: one who may not have it, asking while it comes for another, gets no byte`, async () => {
      await using hub = await startHub()
      hub.faults.setRates({ cdn: 400_000 })
      await using node = await startNode(hub.url)
      const wanted = read(node, id, 'w', 'hf_in')
      await hub.until((stats) => stats.cdn.bodyBytes > 0)
      for (const token of ['hf_out', undefined]) {
        const refused = await read(node, id, 'w', token)
        expect(refused.status).toBeGreaterThanOrEqual(400)
        expect((await refused.bytes()).length).toBeLessThan(1000)
      }
      expect((await (await wanted).bytes()).length).toBe(400_000)
    })
  }

  test('the token of the node itself is used for no client', async () => {
    await using hub = await startHub()
    await using node = await startNode(hub.url, { env: { HF_TOKEN: 'hf_in' } })
    for (const id of ids) {
      for (const token of ['hf_out', undefined]) {
        const answer = await read(node, id, 'w', token)
        expect([id, answer.status >= 400]).toEqual([id, true])
        await answer.bytes()
      }
    }
  })

  test('a public repo with the same bytes gives them to every client', async () => {
    await using hub = await startTestHub({ repos: [...repos, { id: 'o/public', commits: [files] }], users })
    await using node = await startNode(hub.url)
    await (await read(node, 'o/private', 'w', 'hf_in')).bytes()
    hub.resetStats()
    const bytes = await (await read(node, 'o/public', 'w')).bytes()
    expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(oidOf(hub, 'w', 'o/public'))
    expect(hub.stats().cdn.bodyBytes).toBe(0)
  })
})
