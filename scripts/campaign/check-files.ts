import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFaults } from '../../test/support/program/cache-check.ts'
import type { Findings } from './finding.ts'
import type { SecretWatch } from './secret-watch.ts'
import { oidOf } from './true-bytes.ts'
import type { TrueFile } from './truth.ts'
import type { VictimMachine } from './victim.ts'

const MAX_TEXT = 2 ** 20

/** Looks at everything that a victim left on its disk; `ignoring` names blobs that the campaign itself spoilt. */
export function checkFolder(
  machine: VictimMachine,
  options: {
    readonly findings: Findings
    readonly watch: SecretWatch
    readonly mayHavePartials: boolean
    readonly ignoring?: ReadonlySet<string>
  },
): void {
  const { findings, watch, mayHavePartials, ignoring = new Set() } = options
  for (const fault of cacheFaults(machine.cache, { mayHavePartials }))
    if (![...ignoring].some((oid) => fault.includes(oid)))
      findings.add('wrong bytes', `${machine.name}: the cache has ${fault}`)
  const store = join(machine.home, 'dfhf/store')
  for (const path of filesBelow(store)) {
    const oid = path.split('/').at(-1) ?? ''
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(oid) || ignoring.has(oid)) continue
    if (oidOf(readFileSync(join(store, path)), oid.length === 64) !== oid)
      findings.add('wrong bytes', `${machine.name}: the store has ${path}`)
  }
  checkSecrets(machine, watch)
}

/** No token is kept anywhere, and no key but in the file that was given. */
function checkSecrets(machine: VictimMachine, watch: SecretWatch): void {
  for (const path of filesBelow(machine.folder)) {
    const whole = join(machine.folder, path)
    if (path === 'cluster-key' || !lstatSync(whole).isFile() || statSync(whole).size > MAX_TEXT) continue
    const text = readFileSync(whole, 'latin1')
    watch.look(text, `the file ${path} of ${machine.name}`)
  }
}

/** A path that dfhf printed holds exactly the Hub's bytes. */
export function checkPrinted(path: string, file: TrueFile, findings: Findings): void {
  if (!existsSync(path)) findings.add('wrong bytes', `${path} was printed and is not there`)
  else if (!readFileSync(path).equals(file.bytes))
    findings.add('wrong bytes', `${path} was printed with other bytes than the Hub's`)
}

/** A local folder may hold a file under its name only as it is on the Hub. */
export function checkLocalFolder(folder: string, files: readonly TrueFile[], findings: Findings): void {
  for (const { path, bytes } of files) {
    const whole = join(folder, path)
    if (existsSync(whole) && !readFileSync(whole).equals(bytes))
      findings.add('wrong bytes', `${whole} has other bytes than the Hub's`)
  }
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return (readdirSync(folder, { recursive: true }) as string[]).filter((path) =>
    lstatSync(join(folder, path)).isFile(),
  )
}
