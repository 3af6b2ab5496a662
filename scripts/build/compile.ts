import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fetchRuntime } from './fetch-runtime.ts'
import { removeSignature } from './remove-signature.ts'
import { runTool } from './run-tool.ts'
import { copySources } from './source-copy.ts'
import type { Target } from './targets.ts'

/** What to compile, and for what. */
export interface CompileOptions {
  /** Where the binary goes. */
  readonly outfile: string
  /** @default this machine's platform */
  readonly target?: Target
  /** A program of the project besides dfhf, to be compiled instead of it. */
  readonly program?: string
}

const options = [
  '--compile',
  // Measured: `dfhf --version` takes 28 ms instead of 80. Minifying on top gains nothing and spoils stack traces.
  '--bytecode',
  // Most runs end before compiled code pays: with 1, 8 hosts that share 50 MiB take 12 % more CPU time and 10 MB more
  // each, with 100 less still; but 8,000 small files take 10 % more with 100. `compileInLongRuns` sets it to 1 later on.
  '--compile-jit-policy=20',
  // Files in the folder where dfhf is started (.env and the like) must not change what it does.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  // With bytecode both would be paths of the build machine; undefined, what relies on them fails there too.
  ...['--define', 'import.meta.url=undefined'],
  ...['--define', '__filename=undefined'],
]

/** Files that the program starts as Workers: they are found in the binary by these paths. */
const workers = ['src/hash/hash-worker.ts']

/** Compiles the project at `top` into one file, which does not depend on where that was done. */
export async function compile(top: string, { outfile, target, program }: CompileOptions): Promise<void> {
  const folder = dirname(outfile)
  await mkdir(folder, { recursive: true })
  const building = await mkdtemp(join(folder, 'building-'))
  try {
    await using copy = await copySources(top, program === undefined ? [] : [program])
    const built = join(building, basename(outfile))
    const version = `DFHF_VERSION=${JSON.stringify(await packageVersion(top))}`
    const platform = target === undefined ? [] : await platformOptions(top, target)
    const entries = [program ?? 'bin/dfhf.ts', ...workers]
    const command = [process.execPath, 'build', ...options, '--define', version, ...platform, ...entries]
    await runTool([...command, '--outfile', built], copy.folder)
    if (target?.name === 'darwin-x64') await removeSignature(built)
    // A running dfhf keeps the file it was started from.
    await rename(built, outfile)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

async function platformOptions(top: string, target: Target): Promise<string[]> {
  const runtime = await fetchRuntime(top, target)
  return [`--target=${target.package.replace('@oven/', '')}`, '--compile-executable-path', runtime]
}

async function packageVersion(top: string): Promise<string> {
  const text = await readFile(join(top, 'package.json'), 'utf8')
  const version = /"version":\s*"([^"]+)"/.exec(text)?.[1]
  if (version === undefined) throw new Error('package.json names no version')
  return version
}
