import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const TAG = [
  'Signature: 8a477f597d28d172789f06886806bc55',
  '# This file is a cache directory tag created by huggingface_hub.',
  '# For information about cache directory tags, see:',
  '#\thttps://bford.info/cachedir/',
  '',
].join('\n')

/** Marks a folder so that backups skip it, with the Hub's own text; a tag that is there stays. Never fails. */
export async function writeCachedirTag(folder: string): Promise<void> {
  await writeFile(join(folder, 'CACHEDIR.TAG'), TAG, { flag: 'wx' }).catch(() => {})
}
