import { createHash } from 'node:crypto'
import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from '../run-tool.ts'
import { sha256Hex } from '../sha256.ts'
import { type ArchiveOptions, archive } from './archive.ts'

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

/** What names a blob in an image. */
interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** The image of one processor. */
export interface Manifest extends Descriptor {
  readonly platform: { readonly architecture: string; readonly os: string }
}

/** A layer, and the digest of what is in it before it was compressed. */
interface Layer {
  readonly descriptor: Descriptor
  readonly plainDigest: string
}

/** A folder that becomes an OCI image layout, 1.0. <https://github.com/opencontainers/image-spec> */
export class OciLayout {
  readonly #folder: string
  readonly #compression: number

  constructor(folder: string, compression: number) {
    this.#folder = folder
    this.#compression = compression
  }

  /** Adds a folder as a layer. */
  async addLayer(root: string, options: ArchiveOptions = {}): Promise<Layer> {
    const plain = `${root}.tar`
    await archive(root, plain, options)
    const plainDigest = `sha256:${await sha256Hex(plain)}`
    await runTool(['gzip', '-n', `-${this.#compression}`, plain])
    const zipped = `${plain}.gz`
    const digest = await sha256Hex(zipped)
    const { size } = await stat(zipped)
    await rename(zipped, join(await this.#blobs(), digest))
    return { plainDigest, descriptor: { mediaType: types.layer, digest: `sha256:${digest}`, size } }
  }

  /** Adds the image that these layers make for a processor; `config` is what a container of it starts with. */
  async addManifest(
    architecture: string,
    created: Date,
    layers: readonly Layer[],
    config: Readonly<Record<string, unknown>>,
  ): Promise<Manifest> {
    const platform = { architecture, os: 'linux' }
    const manifest = await this.#addJson(types.manifest, {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: await this.#addJson(types.config, {
        created,
        ...platform,
        config,
        rootfs: { type: 'layers', diff_ids: layers.map(({ plainDigest }) => plainDigest) },
        history: layers.map(() => ({ created, created_by: 'npm run build -- --packages' })),
      }),
      layers: layers.map(({ descriptor }) => descriptor),
    })
    return { ...manifest, platform }
  }

  /** Ends the layout: `tag` means the image of each processor, and `tag-amd64` that of one. */
  async tag(tag: string, manifests: readonly Manifest[]): Promise<void> {
    const index = { schemaVersion: 2, mediaType: types.index }
    const whole = await this.#addJson(types.index, { ...index, manifests })
    const named = [
      withName(whole, tag),
      ...manifests.map((manifest) => withName(manifest, `${tag}-${manifest.platform.architecture}`)),
    ]
    await writeFile(join(this.#folder, 'index.json'), JSON.stringify({ ...index, manifests: named }))
    await writeFile(join(this.#folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  }

  async #addJson(mediaType: string, value: object): Promise<Descriptor> {
    const text = JSON.stringify(value)
    const digest = createHash('sha256').update(text).digest('hex')
    await writeFile(join(await this.#blobs(), digest), text)
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
  }

  async #blobs(): Promise<string> {
    const folder = join(this.#folder, 'blobs/sha256')
    await mkdir(folder, { recursive: true })
    return folder
  }
}

function withName(descriptor: Descriptor, name: string): object {
  return { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } }
}
