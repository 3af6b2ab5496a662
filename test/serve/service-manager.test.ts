import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { tellServiceManager } from '../../src/serve/service-manager.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'
import { startServiceManager } from '../support/program/service-manager.ts'

const scratch = temporaryFolders()
const canListen = process.platform === 'linux' && hasPrograms('python3')

describe.skipIf(!canListen)('a service manager', () => {
  test.each(['a path', 'a name in no folder'])('is told the state at %s', async (kind) => {
    const folder = scratch()
    const name = kind === 'a path' ? join(folder, 'notify') : `@${folder}`
    await using manager = await startServiceManager(name)
    expect(tellServiceManager('READY=1', name)).toBe(true)
    expect(await manager.next()).toBe('READY=1')
    expect(tellServiceManager('STOPPING=1', name)).toBe(true)
    expect(await manager.next()).toBe('STOPPING=1')
  })
})

test('nothing happens where there is no service manager', () => {
  for (const name of [undefined, '', 'vsock:2:1', `/${'x'.repeat(200)}`, join(scratch(), 'gone')])
    expect([name, tellServiceManager('READY=1', name)]).toEqual([name, false])
})
