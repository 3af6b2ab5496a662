import { createHash } from 'node:crypto'
import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from '../run-tool.ts'
import { sha256Hex } from '../sha256.ts'
import { archive } from './archive.ts'
import { type CLibrary, copyCLibrary } from './c-library.ts'
import { type BuiltBinary, FILE_TIME, inFolder, type Packing, placeBinary } from './packing.ts'

/** As OCI's images call the processor of a target, and its C library; no image is made for the others. */
const platforms: Readonly<Record<string, CLibrary & { readonly architecture: string }>> = {
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

/** The user without rights; whoever mounts a volume gives it to this one or names another. */
const NOBODY = 65_534
const HOME = 'var/lib/dfhf'
const created = new Date(FILE_TIME * 1000).toISOString()
const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** Makes one image for all processors, as a tar file of an OCI layout: the binary, its C library and nothing else. */
export async function makeImage(built: readonly BuiltBinary[], packing: Packing): Promise<void> {
  const fitting = built.filter(({ target }) => platforms[target.name])
  if (fitting.length === 0) return
  const { version } = packing.product
  await inFolder(packing, async (folder) => {
    const blobs = join(folder, 'layout/blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const manifests = await Promise.all(fitting.map((each) => addManifest(each, blobs, packing)))
    const all = await addJson(blobs, types.index, { schemaVersion: 2, mediaType: types.index, manifests })
    const tagged = [
      tag(all, version),
      ...manifests.map((manifest) => tag(manifest, `${version}-${manifest.platform.architecture}`)),
    ]
    const index = { schemaVersion: 2, mediaType: types.index, manifests: tagged }
    await writeFile(join(folder, 'layout/index.json'), JSON.stringify(index))
    await writeFile(join(folder, 'layout/oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
    await archive(join(folder, 'layout'), join(packing.into, `dfhf-${version}-oci.tar`))
  })
}

function tag<T extends Descriptor>(descriptor: T, name: string): T & { readonly annotations: object } {
  return { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } }
}

async function addManifest(built: BuiltBinary, blobs: string, packing: Packing) {
  const { architecture, ...library } = platformOf(built)
  const layers = await inFolder(packing, async (folder) => [
    await addLayer(blobs, join(folder, 'files'), packing, async (root) => {
      await copyCLibrary(library, root)
      await placeBinary(built, join(root, 'usr/local/bin/dfhf'))
      await mkdir(join(root, 'etc'))
      await writeFile(join(root, 'etc/passwd'), `nobody:x:${NOBODY}:${NOBODY}:nobody:/${HOME}:/nologin\n`)
      await writeFile(join(root, 'etc/group'), `nogroup:x:${NOBODY}:\n`)
      return {}
    }),
    await addLayer(blobs, join(folder, 'state'), packing, async (root) => {
      for (const path of [HOME, 'tmp']) await mkdir(join(root, path), { recursive: true })
      // Whatever user it runs as can write there.
      return { members: [HOME, 'tmp'], owner: NOBODY, mode: '1777' }
    }),
  ])
  const config = await addJson(blobs, types.config, {
    created,
    architecture,
    os: 'linux',
    config: {
      User: `${NOBODY}:${NOBODY}`,
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
        'org.opencontainers.image.version': packing.product.version,
        'org.opencontainers.image.description': packing.product.description,
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ plainDigest }) => plainDigest) },
    history: layers.map(() => ({ created, created_by: 'npm run build -- --packages' })),
  })
  const manifest = await addJson(blobs, types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  })
  return { ...manifest, platform: { architecture, os: 'linux' } }
}

function platformOf({ target }: BuiltBinary) {
  const platform = platforms[target.name]
  if (!platform) throw new Error(`there is no image for ${target.name}`)
  return platform
}

async function addLayer(
  blobs: string,
  root: string,
  { compression }: Packing,
  fill: (root: string) => Promise<Parameters<typeof archive>[2]>,
) {
  await mkdir(root)
  const plain = `${root}.tar`
  await archive(root, plain, await fill(root))
  const plainDigest = `sha256:${await sha256Hex(plain)}`
  await runTool(['gzip', '-n', `-${compression}`, plain])
  const zipped = `${plain}.gz`
  const digest = await sha256Hex(zipped)
  const { size } = await stat(zipped)
  await rename(zipped, join(blobs, digest))
  return { plainDigest, descriptor: { mediaType: types.layer, digest: `sha256:${digest}`, size } }
}

async function addJson(blobs: string, mediaType: string, value: object): Promise<Descriptor> {
  const text = JSON.stringify(value)
  const digest = createHash('sha256').update(text).digest('hex')
  await writeFile(join(blobs, digest), text)
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
}
