import { expect, setDefaultTimeout, test } from 'bun:test'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { outwardAddress as outward } from '../../support/program/outward-address.ts'
import { sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const [first, second] = ['first-token-of-the-cluster', 'second-token-of-the-cluster']

test.skipIf(outward === undefined)(
  'another machine orders by the token of the node, also by a new one',
  async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const path = join(machine.folder, 'token')
    await writeFile(path, first, { mode: 0o600 })
    await using node = await startNode(hub.url, { host: '0.0.0.0', args: ['--warm-token-file', path] })
    const far = `http://${outward}:${new URL(node.url).port}`
    const order = (...args: string[]) => runDfhf(machine, ['snapshot', 'o/r', '--on', far, ...args])
    const refused = await order()
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('--warm-token-file')])
    expect(hub.stats().oids).toEqual({})
    expect(await order('--warm-token-file', path)).toMatchObject({ code: 0 })
    expect(sentOf(hub)).toBe(3_000_000)

    await writeFile(`${path}.new`, second, { mode: 0o600 })
    await rename(`${path}.new`, path)
    await node.running.said('the warm token was read anew')
    expect(await order('--warm-token-file', path)).toMatchObject({ code: 0 })
    // Clients get the new one within some minutes.
    await writeFile(`${path}.old`, first, { mode: 0o600 })
    expect(await order('--warm-token-file', `${path}.old`)).toMatchObject({ code: 0 })

    await rename(path, `${path}.new`)
    await node.running.said('the warm token was withdrawn')
    for (const withdrawn of ['old', 'new'])
      expect(await order('--warm-token-file', `${path}.${withdrawn}`)).toMatchObject({ code: 4 })
  },
)
