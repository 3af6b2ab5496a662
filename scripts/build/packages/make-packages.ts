import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../sha256.ts'
import type { Target } from '../targets.ts'
import { makeDeb } from './deb.ts'
import { checkImageParts, makeImage } from './image.ts'
import { makeNpmLauncher, makeNpmPlatform } from './npm.ts'
import { type BuiltBinary, type Packing, readProduct } from './packing.ts'
import { makeTarball } from './tarball.ts'
import { makeWheel } from './wheel.ts'

/** What to pack, and where to. */
export interface PackageOptions {
  /** The project's folder. */
  readonly top: string
  readonly built: readonly BuiltBinary[]
  /** The folder for the packages alone; what it held is gone. */
  readonly into: string
  /** As gzip's. @default 6 */
  readonly compression?: number
}

/** Throws where this machine lacks what packages for these targets need: it shows after minutes of compiling otherwise. */
export function checkPackaging(targets: readonly Target[]): void {
  const isForLinux = targets.some(({ name }) => name.startsWith('linux-'))
  const tools = ['tar', 'gzip', ...(isForLinux ? ['dpkg-deb'] : [])]
  const missing = tools.filter((tool) => Bun.which(tool) === null)
  if (missing.length > 0) throw new Error(`packages need ${missing.join(' and ')}, and this machine has none`)
  checkImageParts(targets)
}

/** Makes packages of every format from built binaries, with their SHA256SUMS. */
export async function makePackages({ top, built, into, compression = 6 }: PackageOptions): Promise<void> {
  await rm(into, { recursive: true, force: true })
  await mkdir(into, { recursive: true })
  const packing: Packing = { product: await readProduct(top), into, compression }
  for (const each of built)
    await Promise.all([makeTarball, makeDeb, makeWheel, makeNpmPlatform].map((make) => make(each, packing)))
  const targets = built.map(({ target }) => target)
  await Promise.all([makeNpmLauncher(targets, packing), makeImage(built, packing)])
  await writeSums(into)
}

/** Writes SHA256SUMS of every file in a folder, as `sha256sum --check` reads them. */
async function writeSums(folder: string): Promise<void> {
  const names = (await readdir(folder)).sort()
  const lines = await Promise.all(
    names.map(async (name) => `${await sha256Hex(join(folder, name))}  ${name}\n`),
  )
  await writeFile(join(folder, 'SHA256SUMS'), lines.join(''))
}
