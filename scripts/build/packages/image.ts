import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Target } from '../targets.ts'
import { archive } from './archive.ts'
import { type CLibrary, copyCLibrary, findCLibrary } from './c-library.ts'
import { type Manifest, OciLayout } from './oci-layout.ts'
import { type BuiltBinary, FILE_TIME, inFolder, type Packing, type Product, placeBinary } from './packing.ts'

/** As OCI's images call the processor of a target, and its C library. */
interface Platform extends CLibrary {
  readonly architecture: string
}

/** The targets that an image is made for. */
const platforms: Readonly<Record<string, Platform>> = {
  'linux-x64': {
    architecture: 'amd64',
    loader: '/lib64/ld-linux-x86-64.so.2',
    triplet: 'x86_64-linux-gnu',
    package: 'libc6-amd64-cross',
  },
  'linux-arm64': {
    architecture: 'arm64',
    loader: '/lib/ld-linux-aarch64.so.1',
    triplet: 'aarch64-linux-gnu',
    package: 'libc6-arm64-cross',
  },
}

/** A user without rights, as Debian numbers it. */
const USER = 65_534
const HOME = 'var/lib/dfhf'

/** Throws where this machine lacks what an image for one of these targets is made of. */
export function checkImageParts(targets: readonly Target[]): void {
  for (const { name } of targets) {
    const platform = platforms[name]
    if (platform) findCLibrary(platform)
  }
}

/** Makes one image for all processors, as a tar file of an OCI layout: the binary, its C library and nothing else. */
export async function makeImage(built: readonly BuiltBinary[], packing: Packing): Promise<void> {
  const { product, compression, into } = packing
  await inFolder(packing, async (folder) => {
    const path = join(folder, 'layout')
    const layout = new OciLayout(path, compression)
    const manifests: Manifest[] = []
    for (const each of built) {
      const platform = platforms[each.target.name]
      if (platform) manifests.push(await addPlatform(layout, each, platform, packing))
    }
    if (manifests.length === 0) return
    await layout.tag(product.version, manifests)
    await archive(path, join(into, `dfhf-${product.version}-oci.tar`))
  })
}

async function addPlatform(
  layout: OciLayout,
  built: BuiltBinary,
  platform: Platform,
  packing: Packing,
): Promise<Manifest> {
  return await inFolder(packing, async (folder) => {
    const [program, state] = [join(folder, 'program'), join(folder, 'state')]
    await placeBinary(built, join(program, 'usr/local/bin/dfhf'))
    await copyCLibrary(platform, program)
    for (const path of ['etc', 'var/lib']) await mkdir(join(program, path), { recursive: true })
    await writeFile(join(program, 'etc/passwd'), `nobody:x:${USER}:${USER}:nobody:/${HOME}:/nologin\n`)
    await writeFile(join(program, 'etc/group'), `nogroup:x:${USER}:\n`)
    for (const path of [HOME, 'tmp']) await mkdir(join(state, path), { recursive: true })
    const layers = [
      await layout.addLayer(program),
      // Every user can write there: a cluster may give the process one of its own.
      await layout.addLayer(state, { members: [HOME, 'tmp'], owner: USER, mode: '1777' }),
    ]
    const created = new Date(FILE_TIME * 1000)
    return await layout.addManifest(platform.architecture, created, layers, settings(packing.product))
  })
}

function settings({ version, description }: Product): Readonly<Record<string, unknown>> {
  return {
    User: `${USER}:${USER}`,
    Env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `HOME=/${HOME}`,
      `HF_HOME=/${HOME}`,
    ],
    Entrypoint: ['/usr/local/bin/dfhf'],
    Cmd: ['serve'],
    WorkingDir: `/${HOME}`,
    ExposedPorts: { '65001/tcp': {}, '65002/tcp': {} },
    Labels: {
      'org.opencontainers.image.title': 'dfhf',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.description': description,
    },
  }
}
