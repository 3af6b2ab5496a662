import { existsSync, realpathSync } from 'node:fs'
import { copyFile, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, sep } from 'node:path'
import { runProcess } from '../python/run-process.ts'

/** The project that this file belongs to. */
export const checkout = join(import.meta.dir, '../../..')

const reapers: Bun.Subprocess<'pipe'>[] = []

/**
 * A binary that lies where none of its sources are, for tests, benches and demos alike: the one that DFHF_BINARY names,
 * else a new one. What it leans on besides itself is thereby missing here as on any other machine.
 */
export async function findBinary(): Promise<string> {
  const given = process.env.DFHF_BINARY
  if (!given) return buildBinary()
  if (!existsSync(given)) throw new Error(`DFHF_BINARY names ${given}, which is not there`)
  const path = realpathSync(given)
  if (!path.startsWith(checkout + sep)) return path
  const copy = join(await folderOfThisProcess(), basename(path))
  await copyFile(path, copy)
  return copy
}

/** A new binary, for another platform where one is named; it is removed when this process ends. */
export async function buildBinary(target?: string): Promise<string> {
  const into = await folderOfThisProcess()
  const command = [process.execPath, join(checkout, 'scripts/build.ts'), '--into', into]
  const { stdout } = await runProcess([...command, ...(target === undefined ? [] : ['--target', target])])
  return stdout.trim()
}

/**
 * A temporary folder that goes with this process. `bun test` ends without an 'exit' event, so a shell removes it: one
 * that waits for the end of its input, which is when this process is gone in any way.
 */
async function folderOfThisProcess(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-binary-'))
  const script = 'trap "" INT TERM HUP; cat; rm -rf "$0"'
  const reaper = Bun.spawn(['sh', '-c', script, folder], {
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  reaper.unref()
  // Its input would be closed with the object.
  reapers.push(reaper)
  return folder
}
