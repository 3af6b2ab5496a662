import { expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../../support/gateway/eventually.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { ownAddress } from '../../support/program/own-address.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 12_000_000
const users = [{ name: 'in', token: 'hf_in', access: ['o/private', 'o/gated'] }]
const repos = [
  { ...weightsRepo(size), id: 'o/open' },
  { ...weightsRepo(size), id: 'o/private', private: true },
  { ...weightsRepo(size), id: 'o/gated', gated: 'auto' },
] as const

for (const [index, { id }] of repos.entries()) {
  const isShared = id === 'o/open'
  test.concurrent(`a download with a token ${isShared ? 'shares' : 'shows no stranger anything of'} ${id}`, async () => {
    await using hub = await startTestHub({ repos, users, rates: { cdn: size / 6 } })
    using machine = newMachine(hub.url)
    const address = `${ownAddress(index + 1)}:7001`
    const command = ['download', id, 'w', '--no-multicast', '--listen', address]
    const env = { DFHF_NO_PEERS: undefined, HF_TOKEN: 'hf_in' }
    await using _running = await startDfhf(machine, command, { env })
    const oid = oidOf(hub, 'w', id)
    const pieces = () => fetch(`http://${address}/v1/blobs/${oid}/pieces`)
    await hub.until(() => sentOf(hub, 'w', id) > size / 2)
    const answer = await eventually(pieces, ({ status }) => status === (isShared ? 200 : 404))
    const other = await fetch(`http://${address}/v1/blobs/${'a'.repeat(64)}/pieces`)
    const isLikeAbsent = (await answer.text()) === (await other.text()) && answer.status === other.status
    expect(isLikeAbsent).toBe(!isShared)
    expect(sentOf(hub, 'w', id)).toBeLessThan(size)
  })
}
