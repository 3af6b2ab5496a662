import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { startTestHub, type TestHub } from '../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../support/program/binary.ts'
import { newMachine } from '../support/program/machine.ts'
import { oidOf, sentOf } from '../support/program/weights.ts'

setDefaultTimeout(120_000)
const bigSize = 6_000_000
const smallNames = Array.from({ length: 24 }, (_, index) => `small-${index}`)

/** One big file and many small ones; every other small one comes from the CDN as the big one does. */
function mixedRepo(size = bigSize) {
  const small = smallNames.map(
    (name, index) => [name, { seed: name, size: 31, lfs: index % 2 === 0 }] as const,
  )
  return { id: 'o/r', commits: [{ big: { seed: 'big', size, lfs: true }, ...Object.fromEntries(small) }] }
}

/** A slow link to both sides of the Hub. */
const rates = { cdn: 1_500_000 }

function doneSmall(hub: TestHub): number {
  return smallNames.filter((name) => sentOf(hub, name) === 31).length
}

/** What dfhf said in JSON about files that wait. */
function reasonsIn(stderr: string): string[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  return lines.flatMap((line) => {
    const { waiting = [] } = JSON.parse(line) as { readonly waiting?: readonly { readonly reason: string }[] }
    return waiting.map(({ reason }) => reason)
  })
}

describe('a snapshot of one big file and many small ones over a slow link', () => {
  test.each([{ flags: [] }, { flags: ['--connections', '2'] }, { flags: ['--connections', '1'] }])(
    'brings the small ones first, and none stands still: $flags',
    async ({ flags }) => {
      await using hub = await startTestHub({ repos: [mixedRepo()], rates })
      using machine = newMachine(hub.url)
      await using running = await startDfhf(machine, ['snapshot', 'o/r', '--json', ...flags])
      await hub.until(() => sentOf(hub, 'big') > 0)
      // Eight files are in flight at once.
      expect(doneSmall(hub)).toBeGreaterThanOrEqual(smallNames.length - 7)
      await hub.until(() => sentOf(hub, 'big') > bigSize / 3)
      expect(doneSmall(hub)).toBe(smallNames.length)
      const { code, stderr } = await running.result
      expect(code, stderr).toBe(0)
      expect(reasonsIn(stderr)).toEqual([])
    },
  )

  test('says why a file waits, and never speaks of peers where there are none', async () => {
    await using hub = await startTestHub({
      repos: [mixedRepo()],
      faults: [{ match: { side: 'cdn' }, times: 1, stallAfter: 0 }],
    })
    using machine = newMachine(hub.url)
    const args = ['snapshot', 'o/r', '--json', '--connections', '1']
    const { code, stderr } = await runDfhf(machine, args, { env: { HF_HUB_DOWNLOAD_TIMEOUT: '4' } })
    expect(code, stderr).toBe(0)
    const reasons = reasonsIn(stderr)
    expect(reasons.length).toBeGreaterThan(0)
    for (const reason of reasons) expect(reason).toMatch(/^no bytes (for|from)/)
  })
})

describe('a daemon whose connections a big file has all taken', () => {
  test.each([{ connections: '2' }, { connections: '8' }])(
    'brings another one meanwhile: $connections',
    async ({ connections }) => {
      const size = 30_000_000
      await using hub = await startTestHub({ repos: [mixedRepo(size)], rates: { cdn: 3_000_000 } })
      using machine = newMachine(hub.url)
      const args = ['serve', '--gateway', '127.0.0.1:0', '--connections', connections]
      await using running = await startDfhf(machine, args)
      const port = await running.told(/Hub mirror and proxy on http:.*:(\d+)\n/)
      const read = async (name: string) => {
        const answer = await fetch(`http://127.0.0.1:${port}/o/r/resolve/main/${name}`)
        return createHash('sha256')
          .update(await answer.bytes())
          .digest('hex')
      }
      const big = read('big')
      await hub.until(() => sentOf(hub, 'big') > size / 4)
      expect(await read('small-0')).toBe(oidOf(hub, 'small-0'))
      // What was on its way when it was asked for comes too, and no more.
      expect(sentOf(hub, 'big')).toBeLessThan(size / 2)
      expect(await big).toBe(oidOf(hub, 'big'))
      expect(sentOf(hub, 'big')).toBeLessThan(1.2 * size)
    },
  )
})
