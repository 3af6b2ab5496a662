import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../test/support/random/seeded-random.ts'
import { getFile, type ListedFile } from './client.ts'
import { Daemon, type Footprint, freeAddresses } from './daemon.ts'
import { listFiles, REPO, startHub } from './hub.ts'
import { footprintOf, Look, nothing } from './look.ts'

const CLIENTS = 6
/** A download that takes longer than this hangs. */
const PATIENCE_MS = 180_000

/** How much is done in one run. */
export interface SoakOptions {
  readonly downloads: number
  /** Different files on the Hub, of 1 KiB to `largest` bytes; as many of each magnitude. */
  readonly files: number
  readonly largest: number
  /** What each store may take, in bytes. */
  readonly quota: number
  readonly daemons: number
  /** After so many downloads one daemon ends and starts again; every second time it is killed. */
  readonly restartEvery: number
  readonly seed: number
  /** How long the daemons rest before the last look at them. */
  readonly restMs: number
  /** Hears of each restart. */
  readonly say: (line: string) => void
}

/** What a run showed. */
export interface SoakReport {
  readonly downloads: number
  readonly bytes: number
  /** What did not arrive, or not as it is on the Hub. */
  readonly wrong: readonly string[]
  readonly restarts: number
  readonly kills: number
  /** Exit codes of daemons that were asked to end. */
  readonly exitCodes: readonly number[]
  /** Bytes that the Hub sent, by the bytes of the different files that were asked for. */
  readonly copies: number
  /** Most bytes that a store ever took on its disk. */
  readonly mostStored: number
  /** Files in a store after the end that are neither blobs nor belong to one or to its partial. */
  readonly leaked: readonly string[]
  /** Of each daemon: at rest after its first start, at most, and at rest after the last download. */
  readonly footprints: readonly {
    readonly first: Footprint
    readonly most: Footprint
    readonly last: Footprint
  }[]
}

/** Random files by random daemons, while these are stopped and killed; then a look at what is left. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const random = seededRandom(options.seed)
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-soak-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true }))
  const hub = stack.use(await startHub(folder, options, random))
  const files = await listFiles(hub)
  const addresses = await freeAddresses(options.daemons)
  const daemons = addresses.map((listen) =>
    stack.use(
      new Daemon({
        endpoint: hub.url,
        quota: options.quota,
        listen,
        seeds: addresses.filter((each) => each !== listen),
      }),
    ),
  )
  await Promise.all(daemons.map((daemon) => daemon.start()))
  await hub.resetStats()
  await Bun.sleep(2_000)
  const first = daemons.map(footprintOf)
  const look = new Look(daemons, first)
  const work = await download(options, { files, daemons, random })
  look.stop()
  const sent = (await hub.stats()).cdn.bodyBytes
  await Bun.sleep(options.restMs)
  const last = daemons.map(footprintOf)
  const leaked = daemons.flatMap((daemon) => daemon.stored().paths.filter((path) => !isExpected(path)))
  return {
    ...work,
    downloads: options.downloads,
    copies: sent / work.distinctBytes,
    mostStored: look.mostStored,
    leaked,
    footprints: daemons.map((_, index) => ({
      first: first[index] ?? nothing,
      most: look.most[index] ?? nothing,
      last: last[index] ?? nothing,
    })),
  }
}

interface Parts {
  readonly files: readonly ListedFile[]
  readonly daemons: readonly Daemon[]
  readonly random: () => number
}

async function download(options: SoakOptions, { files, daemons, random }: Parts) {
  const { downloads, restartEvery, say } = options
  const wrong: string[] = []
  const exitCodes: number[] = []
  const asked = new Map<string, number>()
  let [bytes, kills, restarts, started] = [0, 0, 0, 0]
  let restarting = Promise.resolve()
  const restart = async (count: number) => {
    const daemon = daemons[Math.floor(random() * daemons.length)]
    const signal = count % 2 === 0 ? 'SIGKILL' : 'SIGTERM'
    const code = await daemon?.end(signal, (stderr) => say(`${signal} after ${started} downloads\n${stderr}`))
    if (signal === 'SIGTERM') exitCodes.push(code ?? -1)
    else kills += 1
    await daemon?.start()
    restarts += 1
  }
  const client = async () => {
    while (started < downloads) {
      started += 1
      if (started % restartEvery === 0) {
        const count = started / restartEvery
        restarting = restarting.then(() => restart(count))
      }
      const file = files[Math.floor(random() * files.length)]
      const daemon = daemons[Math.floor(random() * daemons.length)]
      if (!file || !daemon) continue
      asked.set(file.oid, file.size)
      bytes += file.size
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const isRight = await getFile(file, { repo: REPO, gateway: () => daemon.url, signal }).catch(
        () => undefined,
      )
      if (isRight !== true)
        wrong.push(`${file.path} ${isRight === undefined ? 'never came' : 'has other bytes'}`)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  await restarting
  const distinctBytes = [...asked.values()].reduce((sum, size) => sum + size, 0)
  return { bytes, wrong, kills, restarts, exitCodes, distinctBytes }
}

/** A blob, what is noted beside it, and what is left of an unfinished one for the next attempt. */
function isExpected(path: string): boolean {
  return /^[0-9a-f]{2}(\/[0-9a-f]{64}(\.(repos|[\w-]+\.incomplete|[\w-]+\.incomplete\.dfhf))?)?$/.test(path)
}
