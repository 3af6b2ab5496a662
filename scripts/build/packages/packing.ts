import { constants, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Target } from '../targets.ts'

/** A binary, and the platform that it is for. */
export interface BuiltBinary {
  readonly target: Target
  readonly path: string
}

/** The facts about dfhf that every package format states. */
export interface Product {
  readonly version: string
  readonly description: string
  readonly readme: string
  /** The unit of scripts/deploy, which starts /usr/local/bin/dfhf. */
  readonly unit: string
}

/** How packages are made. */
export interface Packing {
  readonly product: Product
  /** The folder for the packages, which exists. */
  readonly into: string
  /** As gzip's: 1 is fast, 9 is small. */
  readonly compression: number
}

/** The time of every file in a package, in seconds since 1970: the same sources give the same bytes. */
export const FILE_TIME = 1_577_836_800

/** What package.json, README.md and the unit of the project at `top` say. */
export async function readProduct(top: string): Promise<Product> {
  const [text, readme, unit] = await Promise.all(
    ['package.json', 'README.md', 'scripts/deploy/dfhf.service'].map((path) =>
      readFile(join(top, path), 'utf8'),
    ),
  )
  const { version, description } = JSON.parse(text ?? '') as { version: string; description: string }
  return { version, description, readme: readme ?? '', unit: unit ?? '' }
}

/** Puts a binary into a folder that is to be packed. */
export async function placeBinary({ path }: BuiltBinary, at: string): Promise<void> {
  await mkdir(dirname(at), { recursive: true })
  // A copy and no hard link: GNU tar takes a file whose number of links changes for one that is being written.
  await copyFile(path, at, constants.COPYFILE_FICLONE)
}

/** Has `fill` fill a folder and pack it; the folder is gone afterwards. */
export async function inFolder<T>({ into }: Packing, fill: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(into, 'packing-'))
  try {
    return await fill(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
