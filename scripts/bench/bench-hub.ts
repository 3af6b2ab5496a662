import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HubProcess, startHubProcess } from '../../test/support/hub/hub-process.ts'
import { type HubFront, type Sender, startFront } from './hub-front.ts'

/** A Hub with one repo of one big file, or of several. */
export interface BenchHub extends AsyncDisposable {
  readonly url: string
  /** Where any client finds the first file, and what it hashes to. */
  readonly fileUrl: string
  readonly sha256: string
  readonly hub: HubProcess
  /** What to put before a client's command so that it reaches this Hub. */
  readonly clientPrefix: readonly string[]
  /** The certificate that clients have to trust, where the Hub speaks TLS. */
  readonly caFile?: string | undefined
}

/** Where a Hub stands when it does not share the loopback interface with its clients. */
interface HubPlace {
  /** The addresses of the Hub and of its CDN. */
  readonly addresses: readonly string[]
  readonly prefix: readonly string[]
  readonly clientPrefix: readonly string[]
}

/** What may differ from a Hub with one file on the loopback interface. */
export interface BenchHubOptions {
  readonly place?: HubPlace
  /** @default 1 */
  readonly files?: number
  /** @default 'hub' */
  readonly sender?: Sender
}

export const repo = 'bench/one-file'
export const fileName = 'model.safetensors'

const BLOCK = 2 ** 22

/** Writes `size` bytes of noise into memory, where reading them costs no disk, and starts a Hub in a process of its own. */
export async function startBenchHub(size: number, options: BenchHubOptions = {}): Promise<BenchHub> {
  const { place, files = 1, sender = 'hub' } = options
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(homeOf(size), 'dfhf-bench-hub-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const blobs = join(folder, 'blobs')
  mkdirSync(blobs)
  const oids = Array.from({ length: files }, () => writeBlob(blobs, Math.floor(size / files)))
  const commit = Object.fromEntries(
    oids.map((oid, index) => [nameOf(index, files), { file: join(blobs, oid), lfs: true }]),
  )
  const config = join(folder, 'hub.json')
  writeFileSync(
    config,
    JSON.stringify({ repos: [{ id: repo, commits: [{ ...commit, 'config.json': '{}\n' }] }] }),
  )
  const [host = '', cdnHost = ''] = place?.addresses ?? []
  const flags = ['--config', config, ...(place ? ['--host', host, '--cdn-host', cdnHost] : [])]
  const hub = stack.use(await startHubProcess(flags, place?.prefix))
  const front: HubFront | undefined =
    sender === 'hub' ? undefined : stack.use(await startFront(hub, blobs, { byTls: sender !== 'nginx' }))
  const all = stack.move()
  const url = front?.url ?? hub.url
  return {
    url,
    fileUrl: `${url}/${repo}/resolve/main/${nameOf(0, files)}`,
    sha256: oids[0] ?? '',
    hub,
    clientPrefix: place?.clientPrefix ?? [],
    caFile: front?.caFile,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function nameOf(index: number, files: number): string {
  const number = (n: number) => String(n).padStart(5, '0')
  return files === 1 ? fileName : `model-${number(index + 1)}-of-${number(files)}.safetensors`
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

/** Other noise each time, so that no peer on this network can have it; every block is different. Returns the file's name. */
function writeBlob(folder: string, size: number): string {
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
  const path = join(folder, 'writing')
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
  const oid = hash.digest('hex')
  renameSync(path, join(folder, oid))
  return oid
}
