import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Target } from '../targets.ts'
import { archive } from './archive.ts'
import { type BuiltBinary, inFolder, type Packing, placeBinary } from './packing.ts'

/** Makes the npm package of one platform, which npm installs nowhere else. */
export async function makeNpmPlatform(built: BuiltBinary, packing: Packing): Promise<void> {
  const { version, description } = packing.product
  await packPackage(packing, packageName(built.target), async (folder) => {
    await placeBinary(built, join(folder, 'bin', `dfhf${built.target.suffix}`))
    return { version, description, ...platformOf(built.target), preferUnplugged: true }
  })
}

/** Makes the npm package that users name: it depends on those of all platforms, and npm takes the one that fits. */
export async function makeNpmLauncher(targets: readonly Target[], packing: Packing): Promise<void> {
  const { version, description, readme } = packing.product
  await packPackage(packing, 'dfhf', async (folder) => {
    await mkdir(join(folder, 'bin'))
    await copyFile(join(import.meta.dir, 'npm-launcher.js'), join(folder, 'bin/dfhf.js'))
    await writeFile(join(folder, 'README.md'), readme)
    const platforms = targets.map((target) => [packageName(target), version] as const)
    return {
      version,
      description,
      bin: { dfhf: 'bin/dfhf.js' },
      engines: { node: '>=18' },
      optionalDependencies: Object.fromEntries(platforms),
    }
  })
}

async function packPackage(
  packing: Packing,
  name: string,
  fill: (folder: string) => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  await inFolder(packing, async (outer) => {
    const folder = join(outer, 'package')
    await mkdir(folder)
    const manifest = { name, ...(await fill(folder)) }
    await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    const { into, compression, product } = packing
    await archive(outer, join(into, `${name}-${product.version}.tgz`), { compression })
  })
}

function packageName({ name }: Target): string {
  return `dfhf-${name}`
}

/** A target in the words that npm compares with the machine's own. */
function platformOf({ name }: Target): Readonly<Record<string, readonly string[]>> {
  const [system = '', cpu = '', library] = name.split('-')
  const libc = system === 'linux' ? { libc: [library ?? 'glibc'] } : {}
  return { os: [system === 'windows' ? 'win32' : system], cpu: [cpu], ...libc }
}
