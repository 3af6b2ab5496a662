import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { runProcess } from '../support/python/run-process.ts'

/** What a container runtime makes of an image. */
export interface ImageRoot {
  readonly root: string
  readonly program: string
  readonly user: string
  readonly env: Readonly<Record<string, string>>
}

interface Descriptor {
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly architecture: string }
  readonly annotations?: Readonly<Record<string, string>>
}

/** Unpacks the image of one processor from a tar file of an OCI layout, and checks every digest on the way. */
export async function unpackImage(archive: string, architecture: string, folder: string): Promise<ImageRoot> {
  const layout = join(folder, 'layout')
  const root = join(folder, 'root')
  for (const path of [layout, root]) mkdirSync(path)
  await runProcess(['tar', '-xf', archive, '-C', layout])
  const read = ({ digest, size }: Descriptor): Buffer => {
    const bytes = readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
    if (bytes.length !== size || digestOf(bytes) !== digest) throw new Error(`${digest} is not what it says`)
    return bytes
  }
  const index = (bytes: Buffer) =>
    (JSON.parse(bytes.toString()) as { manifests: readonly Descriptor[] }).manifests
  const [whole] = index(readFileSync(join(layout, 'index.json')))
  const found = whole && index(read(whole)).find(({ platform }) => platform?.architecture === architecture)
  if (!found) throw new Error(`no image for ${architecture}`)
  const manifest = JSON.parse(read(found).toString()) as { config: Descriptor; layers: readonly Descriptor[] }
  const { config, rootfs } = JSON.parse(read(manifest.config).toString()) as {
    readonly config: {
      readonly User: string
      readonly Env: readonly string[]
      readonly Entrypoint: readonly string[]
    }
    readonly rootfs: { readonly diff_ids: readonly string[] }
  }
  for (const [index, layer] of manifest.layers.entries()) {
    if (digestOf(gunzipSync(read(layer))) !== rootfs.diff_ids[index])
      throw new Error(`layer ${index} is another`)
    await runProcess(['tar', '-xpzf', join(layout, 'blobs', layer.digest.replace(':', '/')), '-C', root])
  }
  const env = Object.fromEntries(config.Env.map((each) => each.split('=', 2)))
  return { root, program: config.Entrypoint[0] ?? '', user: config.User, env }
}

/** A command before one of the image's: in a mount namespace of its own, with the two folders that every runtime gives. */
export function inRoot({ root, user }: ImageRoot): readonly string[] {
  const mounts =
    'mkdir "$1/proc" "$1/dev" 2>&- || :; mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"'
  const script = `${mounts}; user=$2; root=$1; shift 2; exec chroot --userspec="$user" "$root" "$@"`
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh', root, user]
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
