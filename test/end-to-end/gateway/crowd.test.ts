import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'
import { runProcess } from '../../support/python/run-process.ts'
import type { Reader } from './crowd.ts'

const MIB = 2 ** 20
const size = 256 * MIB
const clients = 100

test(`${clients} clients at once for one large file: one copy from the Hub, all served, and little memory`, async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 60 * MIB } })
  await using node = await startNode(hub.url)
  const url = `${node.url}/o/r/resolve/main/w`
  const env = { PATH: process.env.PATH ?? '', BUN_CONFIG_MAX_HTTP_REQUESTS: String(clients * 2) }
  const script = join(import.meta.dir, 'crowd.ts')
  const command = ['timeout', '280', process.execPath, script, url, String(clients)]
  const { stdout } = await runProcess(command, { env })
  const readers = JSON.parse(stdout) as Reader[]
  const times = readers.map(({ ms }) => ms / 1000).sort((a, b) => a - b)
  const megabytes = Math.round(node.peakMemory() / 1e6)
  process.stderr.write(
    `${clients} readers of 256 MiB: the first ended after ${times[0]?.toFixed(1)} s, the last after ` +
      `${times.at(-1)?.toFixed(1)} s; serve took ${megabytes} MB at most; ` +
      `the Hub sent ${(sentOf(hub) / size).toFixed(3)} copies\n`,
  )
  expect(new Set(readers.map(({ sha256 }) => sha256))).toEqual(new Set([oidOf(hub)]))
  expect(readers).toHaveLength(clients)
  expect(sentOf(hub) / size).toBeLessThanOrEqual(1.02)
  expect(megabytes).toBeLessThanOrEqual(160)
}, 300_000)
