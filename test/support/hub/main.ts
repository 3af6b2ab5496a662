import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { falconRepo, variedRepo } from './fixtures.ts'
import { folderRepo } from './folder-repo.ts'
import type { RepoSpec } from './repo.ts'
import { startTestHub, type TestHubOptions } from './test-hub.ts'

/** `bun test/support/hub/main.ts [--host H] [--port N] [--cdn-port N] [--falcon SIZE] [--varied] [--repo id=folder] [--config file.json]` */
const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    'public-host': { type: 'string' },
    port: { type: 'string', default: '0' },
    'cdn-host': { type: 'string' },
    'public-cdn-host': { type: 'string' },
    'cdn-port': { type: 'string', default: '0' },
    falcon: { type: 'string' },
    varied: { type: 'boolean', default: false },
    repo: { type: 'string', multiple: true, default: [] },
    config: { type: 'string' },
    'cdn-rate': { type: 'string' },
    'url-lifetime-ms': { type: 'string' },
  },
})

const config: TestHubOptions = values.config ? JSON.parse(readFileSync(values.config, 'utf8')) : {}
const repos: RepoSpec[] = [
  ...(config.repos ?? []),
  ...(values.falcon === undefined ? [] : [falconRepo({ weightsSize: Number(values.falcon) })]),
  ...(values.varied ? [variedRepo()] : []),
  ...values.repo.map((pair) =>
    folderRepo(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)),
  ),
]
const hub = await startTestHub({
  ...config,
  host: values.host,
  ...(values['public-host'] !== undefined && { publicHost: values['public-host'] }),
  ...(values['cdn-host'] !== undefined && { cdnHost: values['cdn-host'] }),
  ...(values['public-cdn-host'] !== undefined && { publicCdnHost: values['public-cdn-host'] }),
  port: Number(values.port),
  cdnPort: Number(values['cdn-port']),
  repos,
  ...(values['cdn-rate'] !== undefined && { rates: { cdn: Number(values['cdn-rate']) } }),
  ...(values['url-lifetime-ms'] !== undefined && { urlLifetimeMs: Number(values['url-lifetime-ms']) }),
})
process.stdout.write(`${JSON.stringify({ url: hub.url, cdnUrl: hub.cdnUrl, pid: process.pid })}\n`)
