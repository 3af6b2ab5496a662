import { releaseBytes } from '../base/release-bytes.ts'
import type { Oid } from '../blob/oid.ts'
import type { FileRef } from '../repo/file-ref.ts'
import type { WholeFile } from '../storage/cache/write-files.ts'
import { SMALL_BLOB_SIZE, SMALLEST_RELEASED } from '../transfer/small-blob.ts'
import type { CheckedPart, SmallBundles } from '../transfer/small-bundles.ts'
import type { FileResult } from '../transfer/transfer-event.ts'
import { needsProof } from './prove-given.ts'
import type { RepoFetcher } from './repo-fetcher.ts'

/** Fewer small files than this are sooner had from the Hub than asked for among peers. */
const WORTH_BUNDLING = 16

/** Files and bytes that are placed in one go, in which nothing else has its turn: some ms. */
const FILES_AT_ONCE = 256
const BYTES_AT_ONCE = 2 ** 20

/** Bytes that wait to be placed, at which no more is read from peers. */
const MOST_WAITING_BYTES = 2 ** 22

/** Blobs that wait to be placed, and since when. */
interface Waiting extends CheckedPart {
  readonly size: number
  readonly at: number
}

/** A file that arrived and what it arrived with. */
interface Arrived extends WholeFile {
  readonly part: Waiting
}

/**
 * Has peers asked for those of missing files that are small, in their order; undefined where that is not worth it. Not for
 * those that keyed peers have to prove: the question to the Hub costs as much as the file. `before` are those of
 * the snapshot's files before. `onBrought` hears of each that came.
 */
export async function bundleFiles(
  fetcher: RepoFetcher,
  files: readonly FileRef[],
  before: BundledFiles | undefined,
  onBrought: (file: FileRef, result: FileResult) => void,
): Promise<BundledFiles | undefined> {
  const { engine, hasClusterKey, mayAskHub, isForced, signal, findLocal } = fetcher.parts
  const small: FileRef[] = []
  for (const file of files) {
    if (file.size === 0 || file.size > SMALL_BLOB_SIZE) continue
    if (hasClusterKey && mayAskHub && needsProof(file)) continue
    if (isForced || (await findLocal(file.oid, file.size)) === undefined) small.push(file)
  }
  const bundles = small.length < WORTH_BUNDLING ? undefined : engine.bundles(signal, before?.bundles)
  return bundles && new BundledFiles(fetcher, bundles, small, onBrought)
}

/**
 * Small files that peers bring many by one request. Each is at its place as soon as it arrived, also ahead of its turn, and
 * costs little more than the writing.
 */
export class BundledFiles implements AsyncDisposable {
  readonly #fetcher: RepoFetcher
  readonly bundles: SmallBundles
  readonly #onBrought: (file: FileRef, result: FileResult) => void
  /** What may still come, by content. */
  readonly #expected = new Map<Oid, FileRef[]>()
  /** What came and was not asked for yet. */
  readonly #brought = new Set<object>()
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #placing: Promise<void> | undefined
  #noted: Promise<void> = Promise.resolve()

  constructor(
    fetcher: RepoFetcher,
    bundles: SmallBundles,
    files: readonly FileRef[],
    onBrought: (file: FileRef, result: FileResult) => void,
  ) {
    this.#fetcher = fetcher
    this.bundles = bundles
    this.#onBrought = onBrought
    for (const file of files) {
      const others = this.#expected.get(file.oid)
      if (others) others.push(file)
      else this.#expected.set(file.oid, [file])
    }
    bundles.expect(files, (part) => this.#take(part))
  }

  /** True, once, for a file that came; waits for one that may still come. */
  async takes(file: FileRef): Promise<boolean> {
    if (this.#expected.has(file.oid)) await this.bundles.wait(file.oid)
    return this.#brought.delete(file)
  }

  /** Asks for nothing more, and waits for what came to be at its place. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.bundles.close()
    await this.#placing
    await this.#noted
  }

  #take(part: CheckedPart): Promise<void> | undefined {
    const size = part.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0)
    this.#waiting.push({ ...part, size, at: performance.now() })
    this.#waitingBytes += size
    this.#placing ??= this.#placeAll()
    return this.#waitingBytes < MOST_WAITING_BYTES ? undefined : this.#placing
  }

  async #placeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const parts = this.#next()
      await this.#place(parts)
      for (const { blobs, chunk, size } of parts) {
        this.#waitingBytes -= size
        for (const { bytes } of blobs) releaseBytes(bytes, SMALLEST_RELEASED)
        releaseBytes(chunk)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#placing = undefined
  }

  #next(): readonly Waiting[] {
    let [count, files, size] = [0, 0, 0]
    for (const part of this.#waiting) {
      if (count > 0 && (files >= FILES_AT_ONCE || size + part.size > BYTES_AT_ONCE)) break
      count += 1
      files += part.blobs.length
      size += part.size
    }
    return this.#waiting.splice(0, count)
  }

  /** What cannot be placed is left to be fetched by itself: that tells why. */
  async #place(parts: readonly Waiting[]): Promise<void> {
    const arrived: Arrived[] = []
    for (const part of parts) {
      for (const { oid, bytes } of part.blobs)
        for (const file of this.#expected.get(oid) ?? []) arrived.push({ file, bytes, part })
    }
    const paths = await this.#write(arrived)
    const verified: { readonly path: string; readonly oid: Oid }[] = []
    const told = new Set<Oid>()
    for (const [index, { file, part }] of arrived.entries()) {
      const { oid } = file
      const path = paths[index]
      if (path !== undefined) {
        this.#brought.add(file)
        this.#tell(file, path, part, told.has(oid))
        told.add(oid)
        verified.push({ path, oid })
      }
      this.#expected.delete(oid)
      this.bundles.settle(oid)
    }
    const noting = this.#fetcher.parts.onVerified(verified)
    this.#noted = this.#noted.then(() => noting)
  }

  /** The bytes count once, whatever number of files holds them. */
  #tell(file: FileRef, path: string, { peer, at }: Waiting, isRepeat: boolean): void {
    const { engine } = this.#fetcher.parts
    const id = engine.nextId()
    const { oid, size } = file
    const result = this.#fetcher.brought(file, path, at, isRepeat ? 0 : size)
    if (!isRepeat) {
      const cost = { ms: performance.now() - at, bytes: result.bytes, pieces: 1, retries: 0 }
      engine.report({ type: 'file-start', id, name: file.path, size, present: 0 })
      engine.report({ type: 'bytes', id, count: size, kind: 'peers', source: peer })
      engine.report({ type: 'task-done', id, oid, ...cost })
    }
    engine.report({ type: 'file-done', id, result })
    this.#onBrought(file, result)
  }

  /** Gives the paths of the files, undefined for each that is not at its place. */
  async #write(files: readonly WholeFile[]): Promise<readonly (string | undefined)[]> {
    const { destination, log } = this.#fetcher.parts
    const note = (error: unknown) => log.debug(`small files: ${String(error)}`)
    const paths = [...((await destination.writeFiles?.(files).catch(note)) ?? [])]
    const alone = files.flatMap((each, index) => (paths[index] === undefined ? { ...each, index } : []))
    await Promise.all(
      alone.map(async ({ file, bytes, index }) => {
        try {
          paths[index] = await destination.finish(file, await destination.writeBlob(file, bytes))
        } catch (error) {
          note(error)
        }
      }),
    )
    return paths
  }
}
