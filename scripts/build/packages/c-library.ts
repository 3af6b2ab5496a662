import { copyFile, mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Where a binary for Linux finds the C library, and where this machine may have it. */
export interface CLibrary {
  /** The program's interpreter: the one path that is written in the binary. */
  readonly loader: string
  /** Debian's folder names for this processor. */
  readonly triplet: string
  /** The package of Debian that has it for other processors. */
  readonly package: string
}

/** The libraries that the binary is linked with, and the one that the C library loads to look up names. */
const files = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'libresolv.so.2']
const lookups = ['libnss_dns.so.2', 'libnss_files.so.2']

/** The folder that has the C library on this machine. Throws where there is none, with the package that has it. */
export function findCLibrary({ loader, triplet, package: name }: CLibrary): string {
  const file = basename(loader)
  const folder = [`/lib/${triplet}`, `/usr/${triplet}/lib`].find((each) => Bun.file(join(each, file)).size)
  if (folder !== undefined) return folder
  throw new Error(`no C library for ${triplet}: that needs Debian's package ${name}`)
}

/** Copies the C library of this machine, or of a cross compiler on it, into the root of an image. */
export async function copyCLibrary(library: CLibrary, root: string): Promise<void> {
  const { loader, triplet } = library
  const folder = findCLibrary(library)
  const libraries = join(root, 'lib', triplet)
  await mkdir(libraries, { recursive: true })
  await mkdir(dirname(join(root, loader)), { recursive: true })
  await copyFile(join(folder, basename(loader)), join(root, loader))
  for (const file of [...files, ...lookups]) await copyFile(join(folder, file), join(libraries, file))
}
