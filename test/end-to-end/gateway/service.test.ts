import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import { startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { startServiceManager } from '../../support/program/service-manager.ts'

setDefaultTimeout(60_000)
const canListen = process.platform === 'linux' && hasPrograms('python3')

test.skipIf(!canListen)(
  'a service manager hears that the gateway answers, and that no more work is taken',
  async () => {
    using machine = newMachine('http://127.0.0.1:9')
    await using manager = await startServiceManager(join(machine.folder, 'notify'))
    const env = { NOTIFY_SOCKET: manager.socketName, DFHF_NO_PEERS: undefined }
    const flags = ['--no-multicast', '--gateway', '127.0.0.1:0', '--listen', '127.0.0.1:0']
    await using serve = await startDfhf(machine, ['serve', ...flags], { env })
    expect(await manager.next()).toBe('READY=1')
    const url = await serve.told(/mirror and proxy on (http:\S+)\n/)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    serve.kill('SIGTERM')
    expect(await manager.next()).toBe('STOPPING=1')
    expect(await serve.result).toMatchObject({ code: 0 })
  },
)
