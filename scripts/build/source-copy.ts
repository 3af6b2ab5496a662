import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A copy of what goes into the binary, at a path of its own; gone when disposed. */
export interface SourceCopy extends AsyncDisposable {
  readonly folder: string
}

/** How the folder of a copy begins: a binary that names it depends on where it was built. */
export const copyPrefix = join(tmpdir(), 'dfhf-build-')

/**
 * Copies the sources and the packages that the program depends on, and what of the project is named besides. Bun puts
 * paths of the build into a binary; those of a copy lead nowhere once it is built, on this machine as on any other.
 */
export async function copySources(top: string, besides: readonly string[] = []): Promise<SourceCopy> {
  const folder = await mkdtemp(copyPrefix)
  const dispose = () => rm(folder, { recursive: true, force: true })
  try {
    const packages = await runtimePackages(top)
    for (const path of ['bin', 'src', 'package.json', ...packages, ...besides])
      await cp(join(top, path), join(folder, path), { recursive: true })
  } catch (error) {
    await dispose()
    throw error
  }
  return { folder, [Symbol.asyncDispose]: dispose }
}

/** Where package-lock.json puts the packages that are not for development alone. */
async function runtimePackages(top: string): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(top, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
  }
  return Object.entries(lock.packages).flatMap(([path, { dev }]) => (path === '' || dev ? [] : [path]))
}
