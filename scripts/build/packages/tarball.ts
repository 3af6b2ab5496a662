import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { archive } from './archive.ts'
import { type BuiltBinary, inFolder, type Packing, placeBinary } from './packing.ts'

/** Makes a tar.gz of one folder with the binary and, for Linux, the systemd unit. */
export async function makeTarball(built: BuiltBinary, packing: Packing): Promise<void> {
  const { product, into, compression } = packing
  const name = `dfhf-${product.version}-${built.target.name}`
  await inFolder(packing, async (folder) => {
    await placeBinary(built, join(folder, name, `dfhf${built.target.suffix}`))
    await writeFile(join(folder, name, 'README.md'), product.readme)
    if (built.target.name.startsWith('linux-'))
      await writeFile(join(folder, name, 'dfhf.service'), product.unit)
    await archive(folder, join(into, `${name}.tar.gz`), { compression })
  })
}
