// Builds dist/dfhf for this machine; with --all also for every platform, with SHA256SUMS.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchRuntime } from './build/fetch-runtime.ts'
import { removeSignature } from './build/remove-signature.ts'
import { runTool } from './build/run-tool.ts'
import { targets } from './build/targets.ts'

const top = join(import.meta.dir, '..')
const dist = join(top, 'dist')

/** The program, then every file that it starts as a Worker: they are found in the binary by these paths. */
const entries = ['bin/dfhf.ts', 'src/transfer/hash-worker.ts']

const options = [
  '--compile',
  // Measured: `dfhf --version` takes 28 ms instead of 80. Minifying on top gains nothing and spoils stack traces.
  '--bytecode',
  // What lies in the folder where dfhf is started must not change what it does.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
]

async function compile(name: string, platform: readonly string[] = []): Promise<string> {
  const folder = join(dist, 'building')
  await mkdir(folder, { recursive: true })
  const version = await packageVersion()
  const built = join(folder, name)
  await runTool(
    [
      process.execPath,
      'build',
      ...options,
      '--define',
      `DFHF_VERSION=${JSON.stringify(version)}`,
      ...platform,
      ...entries,
      '--outfile',
      built,
    ],
    top,
  )
  // A running dfhf keeps the file it was started from.
  await rename(built, join(dist, name))
  await rm(folder, { recursive: true })
  return join(dist, name)
}

async function compileAll(): Promise<void> {
  const sums: string[] = []
  for (const target of targets) {
    const name = `dfhf-${target.name}${target.suffix}`
    const runtime = await fetchRuntime(top, target)
    const path = await compile(name, [
      `--target=${target.package.replace('@oven/', '')}`,
      '--compile-executable-path',
      runtime,
    ])
    if (target.name === 'darwin-x64') await removeSignature(path)
    sums.push(`${await sha256(path)}  ${name}\n`)
    say(path)
  }
  await writeFile(join(dist, 'SHA256SUMS'), sums.join(''))
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(top, 'package.json'), 'utf8')
  const version = /"version":\s*"([^"]+)"/.exec(text)?.[1]
  if (version === undefined) throw new Error('package.json names no version')
  return version
}

function say(path: string): void {
  process.stdout.write(`${path}\n`)
}

say(await compile(process.platform === 'win32' ? 'dfhf.exe' : 'dfhf'))
if (process.argv.includes('--all')) await compileAll()
