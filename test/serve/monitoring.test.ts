import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DaemonMetrics } from '../../src/serve/metrics.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'
import { runProcess } from '../support/python/run-process.ts'

const deploy = join(import.meta.dir, '../../scripts/deploy')
const dashboard = 'chart/dashboards/dfhf.json'
const files = [dashboard, 'alerts.yaml']

async function knownNames(): Promise<ReadonlySet<string>> {
  const metrics = new DaemonMetrics('1')
  const none = () => 0
  metrics.watch({
    storeBytes: none,
    storeQuotaBytes: none,
    evictions: none,
    blobs: none,
    peers: none,
    uploads: none,
    requests: none,
    tunnels: none,
    isHubWell: none,
    bans: none,
  })
  return new Set([...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
}

describe('the dashboard and the alert rules', () => {
  for (const file of files)
    test(`${file} names no metric that there is not`, async () => {
      const known = await knownNames()
      const text = readFileSync(join(deploy, file), 'utf8')
      const named = [...text.matchAll(/\b(?:dfhf|process)_\w+/g)].map(([name]) => name)
      expect(named.length).toBeGreaterThan(5)
      const base = (name: string) => (known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))
      expect(named.filter((name) => !known.has(base(name)))).toEqual([])
    })

  test('the dashboard shows every metric of dfhf', async () => {
    const text = readFileSync(join(deploy, dashboard), 'utf8')
    const own = [...(await knownNames())].filter((name) => name.startsWith('dfhf_'))
    expect(own.filter((name) => !text.includes(name))).toEqual([])
    expect(() => JSON.parse(text)).not.toThrow()
  })

  test.if(hasPrograms('promtool'))('promtool accepts the rules', async () => {
    const { stdout } = await runProcess(['promtool', 'check', 'rules', join(deploy, 'alerts.yaml')])
    expect(stdout).toContain('SUCCESS')
  })
})
