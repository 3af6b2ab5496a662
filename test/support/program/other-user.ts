import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lchownSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { dfhfBinary } from './binary.ts'
import type { Machine } from './machine.ts'

/** No machine has an entry of this user. */
export const STRANGER = 345_678

/** True where this process may become another user. */
export const canBeStranger =
  process.platform === 'linux' && process.getuid?.() === 0 && Bun.which('setpriv') !== null
if (!canBeStranger)
  process.stderr.write('the tests with another user are skipped: they need root and Linux\n')

/** A command before another one that makes it run as a user without rights and without an entry. */
export const asStranger = ['setpriv', '--reuid', `${STRANGER}`, '--regid', `${STRANGER}`, '--clear-groups']

/** A dfhf on the machine that every user may start. */
export async function publicBinary(machine: Machine): Promise<string> {
  chmodSync(machine.folder, 0o755)
  const path = join(machine.folder, 'dfhf')
  if (!existsSync(path)) copyFileSync(await dfhfBinary(), path)
  chmodSync(path, 0o755)
  return path
}

/** A program on the machine that runs `program` as the stranger. */
export function strangersOwn(machine: Machine, program: string): string {
  const path = join(machine.folder, 'as-stranger')
  writeFileSync(path, `#!/bin/sh\nexec ${asStranger.join(' ')} '${program}' "$@"\n`, { mode: 0o755 })
  return path
}

/** Gives a folder and all that is in it to a user; links themselves, not what they lead to. */
export function giveTo(folder: string, user: number): void {
  for (const name of readdirSync(folder, { recursive: true }) as string[])
    lchownSync(join(folder, name), user, user)
  chownSync(folder, user, user)
}
