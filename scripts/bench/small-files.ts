import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HubProcess, startHubProcess } from '../../test/support/hub/hub-process.ts'

/** The dataset of many small files that the bench fetches, and one of a single file with as many bytes. */
export const smallRepo = 'bench/small-files'
export const bigRepo = 'bench/one-big-file'

/** A Hub with a dataset of `count` small files, and one of a single file as large as all of them, which answers every request after `delayMs`. */
export interface SmallFilesHub extends AsyncDisposable {
  readonly hub: HubProcess
  readonly url: string
  /** All bytes of one dataset. */
  readonly size: number
}

/** Starts the Hub in a process of its own. */
export async function startSmallFilesHub(count: number, delayMs: number): Promise<SmallFilesHub> {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-bench-small-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const files = Array.from({ length: count }, (_, index) => fileAt(index))
    const size = files.reduce((sum, [, file]) => sum + file.size, 0)
    const repos = [
      { type: 'dataset', id: smallRepo, commits: [Object.fromEntries(files)] },
      { type: 'dataset', id: bigRepo, commits: [{ 'all.bin': { seed: 'big', size, lfs: true } }] },
    ]
    const config = join(folder, 'hub.json')
    writeFileSync(config, JSON.stringify({ repos }))
    const hub = await startHubProcess(['--config', config])
    if (delayMs > 0) await hub.order({ add: [{ delayMs }] })
    return {
      hub,
      url: hub.url,
      size,
      async [Symbol.asyncDispose]() {
        await hub[Symbol.asyncDispose]()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** Half of the files are notes of some bytes that git keeps, half are pictures of some kilobytes that LFS keeps. */
function fileAt(
  index: number,
): [string, { readonly seed: string; readonly size: number; readonly lfs: boolean }] {
  const seed = `small-${index}`
  const folder = `part-${String(Math.floor(index / 200)).padStart(4, '0')}`
  const lfs = index % 2 === 1
  const size = lfs ? 4_000 + ((index * 7919) % 60_000) : 31 + ((index * 104_729) % 3_000)
  return [`${folder}/${String(index).padStart(6, '0')}.${lfs ? 'jpg' : 'json'}`, { seed, size, lfs }]
}
