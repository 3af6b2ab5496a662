import { existsSync } from 'node:fs'
import type { RunOptions } from './binary.ts'
import { buildBinary } from './find-binary.ts'

/** Where Debian's package libc6-arm64-cross puts the C library of arm64. */
const libraries = '/usr/aarch64-linux-gnu'

let built: Promise<string> | undefined

/** What this machine lacks to run programs for linux-arm64. */
function missing(): string | undefined {
  if (process.platform !== 'linux') return 'Linux'
  if (process.arch === 'arm64') return undefined
  if (Bun.which('qemu-aarch64') === null) return 'qemu-aarch64 (qemu-user)'
  return existsSync(libraries) ? undefined : `${libraries} (libc6-arm64-cross)`
}

/** Whether the binary for linux-arm64 can run here; where it cannot that is said, and on CI it is an error. */
export function canRunArm64(): boolean {
  const lack = missing()
  if (lack === undefined) return true
  if (process.env.CI === 'true') throw new Error(`the binary for linux-arm64 needs ${lack}`)
  process.stderr.write(`skipped: the binary for linux-arm64 needs ${lack}\n`)
  return false
}

/** Has dfhf run as the binary for linux-arm64, under an emulator where this is another processor. */
export async function onArm64(): Promise<Required<Pick<RunOptions, 'prefix' | 'binary'>>> {
  built ??= buildBinary('linux-arm64')
  return { prefix: process.arch === 'arm64' ? [] : ['qemu-aarch64', '-L', libraries], binary: await built }
}
