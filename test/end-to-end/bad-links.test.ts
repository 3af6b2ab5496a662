import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Fault } from '../support/hub/faults.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { failureOf } from '../support/program/failure.ts'
import { newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../support/program/weights.ts'

setDefaultTimeout(180_000)
const size = 24_000_000
const cdn = { side: 'cdn' } as const
/** A link and not a loopback: what the system holds and the program has not read is lost when a connection breaks. */
const rates = { cdn: 20_000_000 }

async function run(faults: readonly Fault[], env: Record<string, string> = {}) {
  const hub = await startTestHub({ repos: [weightsRepo(size)], faults, rates })
  const machine = newMachine(hub.url)
  const result = await runDfhf(machine, downloadWeights, { env })
  return {
    hub,
    result,
    async [Symbol.asyncDispose]() {
      machine[Symbol.dispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

describe('over a link that cuts every answer', () => {
  // A piece has 1,048,576 bytes: no answer brings one whole.
  for (const cutAfter of [1_000_000, 300_000]) {
    test.concurrent(`after ${cutAfter} bytes, no byte comes often`, async () => {
      await using it = await run([{ match: cdn, cutAfter }])
      expectExact(it.hub, it.result)
      expect(sentOf(it.hub)).toBeLessThan(1.5 * size)
    })
  }

  // A reset throws away what the system has received and the program has not read: how much depends on the machine.
  test.concurrent('by a reset, the right bytes come', async () => {
    await using it = await run([{ match: cdn, cutAfter: 700_000, reset: true }])
    expectExact(it.hub, it.result)
  })

  test.concurrent('and gives no ranges, the download ends with one line', async () => {
    await using it = await run([{ match: cdn, ignoreRange: true, cutAfter: 1_000_000 }])
    expect(failureOf(it.result, 6)).toContain('w of o/r')
  })
})

describe('from a Hub on which nothing moves', () => {
  test.concurrent('after some bytes of every answer, the download goes on behind them', async () => {
    await using it = await run([{ match: cdn, stallAfter: 900_000 }], { HF_HUB_DOWNLOAD_TIMEOUT: '1' })
    expectExact(it.hub, it.result)
    expect(sentOf(it.hub)).toBeLessThan(1.5 * size)
  })

  test.concurrent('after the first bytes of every answer, it ends with one line', async () => {
    await using it = await run([{ match: cdn, stallAfter: 1_000 }], { HF_HUB_DOWNLOAD_TIMEOUT: '1' })
    expect(failureOf(it.result, 6)).toContain('w of o/r')
  })

  test.concurrent('but a byte now and then, it ends with one line', async () => {
    await using it = await run([{ match: cdn, bytesPerSecond: 3 }], { HF_HUB_DOWNLOAD_TIMEOUT: '1' })
    expect(failureOf(it.result, 6)).toContain('w of o/r')
  })
})
