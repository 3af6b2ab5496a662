import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HubProcess, startHubProcess } from '../../test/support/hub/hub-process.ts'

/** A Hub with one repo of one big file. */
export interface BenchHub extends AsyncDisposable {
  readonly url: string
  /** Where any client finds the file. */
  readonly fileUrl: string
  readonly sha256: string
  readonly hub: HubProcess
  /** What to put before a client's command so that it reaches this Hub. */
  readonly clientPrefix: readonly string[]
}

/** Where a Hub stands when it does not share the loopback interface with its clients. */
export interface HubPlace {
  /** The addresses of the Hub and of its CDN. */
  readonly addresses: readonly string[]
  readonly prefix: readonly string[]
  readonly clientPrefix: readonly string[]
}

export const repo = 'bench/one-file'
export const fileName = 'model.safetensors'

const BLOCK = 2 ** 22

/** Writes a file of noise into memory, where reading it costs no disk, and starts a Hub in a process of its own: on the loopback interface, or at `place`. */
export async function startBenchHub(size: number, place?: HubPlace): Promise<BenchHub> {
  const folder = mkdtempSync(join(homeOf(size), 'dfhf-bench-hub-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const file = join(folder, fileName)
    const sha256 = writeNoise(file, size)
    const config = join(folder, 'hub.json')
    const commits = [{ [fileName]: { file, lfs: true }, 'config.json': '{}\n' }]
    writeFileSync(config, JSON.stringify({ repos: [{ id: repo, commits }] }))
    const [host = '', cdnHost = ''] = place?.addresses ?? []
    const flags = ['--config', config, ...(place ? ['--host', host, '--cdn-host', cdnHost] : [])]
    const hub = await startHubProcess(flags, place?.prefix)
    return {
      url: hub.url,
      fileUrl: `${hub.url}/${repo}/resolve/main/${fileName}`,
      sha256,
      hub,
      clientPrefix: place?.clientPrefix ?? [],
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

function homeOf(size: number): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    if (bavail * bsize > 2 * size) return '/dev/shm'
  } catch {
    // No such file system here: the page cache does as well.
  }
  return tmpdir()
}

/** Other noise each time, so that no peer on this network can have it; every block is different. */
function writeNoise(path: string, size: number): string {
  const block = new Uint32Array(BLOCK / 4)
  let state = crypto.getRandomValues(new Uint32Array(1))[0] || 1
  for (let index = 0; index < block.length; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    block[index] = state
  }
  const bytes = new Uint8Array(block.buffer)
  const hash = createHash('sha256')
  const descriptor = openSync(path, 'w')
  try {
    for (let done = 0; done < size; done += BLOCK) {
      block[0] = done / BLOCK
      const part = bytes.subarray(0, Math.min(BLOCK, size - done))
      hash.update(part)
      writeSync(descriptor, part)
    }
  } finally {
    closeSync(descriptor)
  }
  return hash.digest('hex')
}
