import { expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import {
  asStranger,
  canBeStranger,
  giveTo,
  publicBinary,
  STRANGER,
} from '../../support/program/other-user.ts'

setDefaultTimeout(60_000)

const cases = [
  ['no warning, which nobody in a pod could act on', 0o440, false],
  ['a warning where all other users can read it too', 0o444, true],
] as const

for (const [outcome, mode, isWarned] of cases)
  test.skipIf(!canBeStranger)(
    `root's key that the group of the process can read brings ${outcome}`,
    async () => {
      await using hub = await startTestHub({ repos: [] })
      using machine = newMachine(hub.url)
      const binary = await publicBinary(machine)
      giveTo(machine.folder, STRANGER)
      const key = join(machine.folder, 'key')
      writeFileSync(key, 'a key that all nodes of the cluster have\n')
      chownSync(key, 0, STRANGER)
      chmodSync(key, mode)
      const flags = ['--listen', '127.0.0.1:0', '--no-multicast', '--gateway', '127.0.0.1:0']
      await using running = await startDfhf(machine, ['serve', ...flags, '--cluster-key-file', key], {
        binary,
        prefix: asStranger,
        env: { DFHF_NO_PEERS: undefined },
      })
      await running.said('Hub mirror and proxy on')
      expect(running.stderr().includes('is readable by others')).toBe(isWarned)
    },
  )
