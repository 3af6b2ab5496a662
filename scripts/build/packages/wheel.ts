import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { sha256 } from '../sha256.ts'
import { type BuiltBinary, FILE_TIME, type Packing, type Product } from './packing.ts'

/** As Python's packages call the platform of a target: the C library that Bun asks for, and the oldest macOS. */
const platforms: Readonly<Record<string, string>> = {
  'linux-x64': 'manylinux_2_17_x86_64.manylinux2014_x86_64',
  'linux-arm64': 'manylinux_2_17_aarch64.manylinux2014_aarch64',
  'linux-x64-musl': 'musllinux_1_2_x86_64',
  'linux-arm64-musl': 'musllinux_1_2_aarch64',
  'darwin-x64': 'macosx_13_0_x86_64',
  'darwin-arm64': 'macosx_13_0_arm64',
  'windows-x64': 'win_amd64',
  'windows-arm64': 'win_arm64',
}

/** Makes a wheel whose only content is the binary: as a script, so that pip puts it on the PATH of the environment. */
export async function makeWheel(built: BuiltBinary, { product, into, compression }: Packing): Promise<void> {
  const platform = platforms[built.target.name]
  if (platform === undefined) return
  const stem = `dfhf-${product.version}`
  const tags = platform.split('.').map((tag) => `py3-none-${tag}`)
  const program = `${stem}.data/scripts/dfhf${built.target.suffix}`
  const info = `${stem}.dist-info`
  const texts: readonly (readonly [string, string])[] = [
    [`${info}/METADATA`, metadata(product)],
    [`${info}/WHEEL`, wheelFile(tags)],
  ]
  const records: readonly string[] = [
    recordLine(program, await sha256(built.path), (await stat(built.path)).size),
    ...texts.map(([path, text]) =>
      recordLine(path, createHash('sha256').update(text).digest(), Buffer.byteLength(text)),
    ),
    `${info}/RECORD,,\n`,
  ]
  const common = { mtime: new Date(FILE_TIME * 1000), compressionLevel: compression }
  const zip = new ZipFile()
  zip.addFile(built.path, program, { ...common, mode: 0o100755 })
  for (const [path, text] of [...texts, [`${info}/RECORD`, records.join('')] as const])
    zip.addBuffer(Buffer.from(text), path, { ...common, mode: 0o100644 })
  zip.end()
  await pipeline(zip.outputStream, createWriteStream(join(into, `${stem}-py3-none-${platform}.whl`)))
}

/** A line of RECORD: a file of the wheel, its digest and its size. */
function recordLine(path: string, digest: Buffer, size: number): string {
  return `${path},sha256=${digest.toString('base64url')},${size}\n`
}

function metadata({ version, description, readme }: Product): string {
  const fields = ['Metadata-Version: 2.1', 'Name: dfhf', `Version: ${version}`, `Summary: ${description}`]
  return [...fields, 'Description-Content-Type: text/markdown', '', readme].join('\n')
}

function wheelFile(tags: readonly string[]): string {
  const fields = ['Wheel-Version: 1.0', 'Generator: dfhf', 'Root-Is-Purelib: false']
  return [...fields, ...tags.map((tag) => `Tag: ${tag}`), ''].join('\n')
}
