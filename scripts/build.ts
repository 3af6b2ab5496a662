// Builds dist/dfhf for this machine; with --all also for every platform, with SHA256SUMS.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from './build/compile.ts'
import { targets } from './build/targets.ts'

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    /** The folder for what is built. */
    into: { type: 'string', default: join(import.meta.dir, '../dist') },
  },
})
const top = join(import.meta.dir, '..')
const into = resolve(values.into)

async function compileAll(): Promise<void> {
  const sums: string[] = []
  for (const target of targets) {
    const name = `dfhf-${target.name}${target.suffix}`
    const outfile = join(into, name)
    await compile(top, { outfile, target })
    sums.push(`${await sha256(outfile)}  ${name}\n`)
    say(outfile)
  }
  await writeFile(join(into, 'SHA256SUMS'), sums.join(''))
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

function say(path: string): void {
  process.stdout.write(`${path}\n`)
}

const outfile = join(into, process.platform === 'win32' ? 'dfhf.exe' : 'dfhf')
await compile(top, { outfile })
say(outfile)
if (values.all) await compileAll()
