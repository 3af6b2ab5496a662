import { expect, test } from 'bun:test'
import { PublicRepos } from '../../src/daemon/public-repos.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import { startTestHub } from '../hub/test-hub.ts'

const model = (id: string) => ({ type: 'model', id }) as const

test('takes for public only what anybody may read, and asks the hub once a while', async () => {
  const commits = [{ 'a.txt': 'a' }]
  await using hub = await startTestHub({
    repos: [
      { id: 'org/open', commits },
      { id: 'org/private', private: true, commits },
      { id: 'org/gated', gated: 'auto', commits },
    ],
  })
  await using http = createHttpClient()
  let now = 0
  const repos = new PublicRepos(new HubClient({ endpoint: hub.url, http, userAgent: 'test' }), () => now)
  expect(await repos.isPublic(model('org/open'))).toBe(true)
  expect(await repos.isPublic(model('org/private'))).toBe(false)
  expect(await repos.isPublic(model('org/gated'))).toBe(false)
  expect(await repos.isPublic(model('org/none'))).toBe(false)
  const asked = hub.stats().hub.requests
  expect(await repos.isAnyPublic([model('org/private'), model('org/open')])).toBe(true)
  expect(hub.stats().hub.requests).toBe(asked)
  now += 3_600_000
  expect(await repos.isPublic(model('org/open'))).toBe(true)
  expect(hub.stats().hub.requests).toBe(asked + 1)
})

test('takes nothing for public while the hub is down', async () => {
  await using hub = await startTestHub({ repos: [{ id: 'org/open', commits: [{ 'a.txt': 'a' }] }] })
  await using http = createHttpClient()
  const retry = { retries: 0 }
  const repos = new PublicRepos(new HubClient({ endpoint: hub.url, http, userAgent: 'test', retry }))
  hub.stop('hub')
  expect(await repos.isPublic(model('org/open'))).toBe(false)
})
