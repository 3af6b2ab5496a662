import { expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import { PublicRepos } from '../../src/peer/public-repos.ts'
import { startTestHub } from '../support/hub/test-hub.ts'

const model = (id: string) => ({ type: 'model', id }) as const

test('takes for public only what the Hub gives without a token, and asks the hub once a while', async () => {
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
  expect(repos.areKnownPublic([model('org/open')])).toBe(true)
  expect(repos.areKnownPublic([model('org/private'), model('org/open')])).toBe(false)
  expect(repos.areKnownPublic([])).toBe(false)
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

test('asks for what is not known while it says no, and tells when it is public', async () => {
  await using hub = await startTestHub({ repos: [{ id: 'org/open', commits: [{ 'a.txt': 'a' }] }] })
  await using http = createHttpClient()
  const repos = new PublicRepos(new HubClient({ endpoint: hub.url, http, userAgent: 'test' }))
  const told = new Promise((resolve) => repos.onPublic(resolve))
  expect(repos.areKnownPublic([model('org/open')])).toBe(false)
  expect(await told).toEqual(model('org/open'))
  expect(repos.areKnownPublic([model('org/open')])).toBe(true)
})

test('asks anew where the word of this moment is wanted, and a hub that is down takes nothing back', async () => {
  await using hub = await startTestHub({ repos: [{ id: 'org/open', commits: [{ 'a.txt': 'a' }] }] })
  await using http = createHttpClient()
  let now = 0
  const retry = { retries: 0 }
  const client = new HubClient({ endpoint: hub.url, http, userAgent: 'test', retry })
  const repos = new PublicRepos(client, () => now)
  const repo = model('org/open')
  expect(await repos.visibilityNow(repo)).toBe('public')
  now += 2_000
  Object.assign(hub.repo('org/open').spec, { private: true })
  expect(await repos.visibilityNow(repo)).toBe('private')
  Object.assign(hub.repo('org/open').spec, { private: false })
  now += 31_000
  expect(await repos.isPublic(repo)).toBe(true)
  hub.stop('hub')
  now += 2_000
  expect(await repos.visibilityNow(repo)).toBe('unknown')
  expect(await repos.isPublic(repo)).toBe(true)
  now += 3_600_000
  expect(await repos.isPublic(repo)).toBe(false)
})
