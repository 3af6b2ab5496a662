// Builds dist/dfhf for this machine; with --target for others, with --all for every platform; with --packages what people install.
import { writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from './build/compile.ts'
import { checkPackaging, makePackages } from './build/packages/make-packages.ts'
import type { BuiltBinary } from './build/packages/packing.ts'
import { sha256Hex } from './build/sha256.ts'
import { type Target, targets } from './build/targets.ts'

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    /** A platform, as in targets.ts; may be repeated. */
    target: { type: 'string', multiple: true },
    /** Makes wheels, npm packages and the like in the folder packages/, for every platform or the targets named. */
    packages: { type: 'boolean', default: false },
    /** The folder for what is built. */
    into: { type: 'string', default: join(import.meta.dir, '../dist') },
  },
})
const top = join(import.meta.dir, '..')
const into = resolve(values.into)

async function compileFor(target?: Target): Promise<string> {
  const name = target === undefined ? 'dfhf' : `dfhf-${target.name}`
  const outfile = join(into, `${name}${target?.suffix ?? (process.platform === 'win32' ? '.exe' : '')}`)
  await compile(top, { outfile, ...(target && { target }) })
  process.stdout.write(`${outfile}\n`)
  return outfile
}

async function compileEach(wanted: readonly Target[]): Promise<BuiltBinary[]> {
  const built: BuiltBinary[] = []
  for (const target of wanted) built.push({ target, path: await compileFor(target) })
  return built
}

async function writeSums(built: readonly BuiltBinary[]): Promise<void> {
  const lines = built.map(async ({ path }) => `${await sha256Hex(path)}  ${basename(path)}\n`)
  await writeFile(join(into, 'SHA256SUMS'), (await Promise.all(lines)).join(''))
}

function targetNamed(name: string): Target {
  const target = targets.find((each) => each.name === name)
  if (!target) throw new Error(`dfhf is not built for ${name}`)
  return target
}

const isForAll = values.all || (values.packages && !values.target)
const wanted = isForAll ? targets : (values.target ?? []).map(targetNamed)
if (values.packages) checkPackaging(wanted)
if (!values.target && !values.packages) await compileFor()
const built = await compileEach(wanted)
if (isForAll) await writeSums(built)
if (values.packages) {
  const folder = join(into, 'packages')
  await makePackages({ top, built, into: folder })
  process.stdout.write(`${folder}\n`)
}
