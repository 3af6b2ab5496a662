// Builds dist/dfhf for this machine; with --all also for every platform, with SHA256SUMS; with --target for that one alone.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from './build/compile.ts'
import { type Target, targets } from './build/targets.ts'

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    /** A platform, as in targets.ts. */
    target: { type: 'string' },
    /** The folder for what is built. */
    into: { type: 'string', default: join(import.meta.dir, '../dist') },
  },
})
const top = join(import.meta.dir, '..')
const into = resolve(values.into)

async function compileAll(): Promise<void> {
  const sums: string[] = []
  for (const target of targets) {
    const outfile = await compileFor(target)
    sums.push(`${await sha256(outfile)}  ${basename(outfile)}\n`)
  }
  await writeFile(join(into, 'SHA256SUMS'), sums.join(''))
}

async function compileFor(target?: Target): Promise<string> {
  const name = target === undefined ? 'dfhf' : `dfhf-${target.name}`
  const outfile = join(into, `${name}${target?.suffix ?? (process.platform === 'win32' ? '.exe' : '')}`)
  await compile(top, { outfile, ...(target && { target }) })
  process.stdout.write(`${outfile}\n`)
  return outfile
}

function targetNamed(name: string): Target {
  const target = targets.find((each) => each.name === name)
  if (!target) throw new Error(`dfhf is not built for ${name}`)
  return target
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

await compileFor(values.target === undefined ? undefined : targetNamed(values.target))
if (values.all) await compileAll()
