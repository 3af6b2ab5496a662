import { type BigIntStats, constants, statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../../base/errors.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { Oid } from '../../blob/oid.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { unlessMissing } from '../files/disk-error.ts'
import type { HashFile } from '../files/hash-file.ts'
import { openPlainFile } from '../files/plain-file.ts'
import { type FileStamp, formatFact, isAbout, parseFact, type VerifiedFact } from './verified-format.ts'

/** After so many new lines the facts of files that are gone or changed are dropped from the state file. */
const SPARE_LINES = 10_000
const MAX_READ_SIZE = 64 * 2 ** 20

/**
 * Remembers over restarts which blob files were verified, in `<stateDir>/verified-blobs.jsonl`. Several processes may
 * add to it at once. Losing it costs hashing, nothing else.
 */
export class VerifiedFiles {
  readonly #path: string | undefined
  readonly #now: () => number
  readonly #facts = new Map<string, VerifiedFact>()
  /** Lines that the state file does not have yet. */
  readonly #unwritten: string[] = []
  readonly #running = new Map<string, Promise<boolean>>()
  /** How much of the state file was read: other processes add to its end. */
  #readSize = 0
  #readInode = -1
  #lines = 0
  #compactAtLines = SPARE_LINES
  readonly #turn = new Semaphore(1)

  /** Without `stateDir` it remembers for as long as the process lives. `now` gives Unix milliseconds. */
  constructor(stateDir: string | undefined, now: () => number = Date.now) {
    this.#path = stateDir && join(stateDir, 'verified-blobs.jsonl')
    this.#now = now
  }

  /** Notes that dfhf itself wrote and checked the file that now stands at `path`. */
  async record(path: string, oid: Oid): Promise<void> {
    const stamp = await stampOf(path)
    if (stamp !== undefined) await this.#add({ ...stamp, oid, isGood: true, checkedAtMs: this.#now() })
  }

  /**
   * As `record`, for a process that writes many files and reads none of them again: only the state file remembers. Of
   * many files that were written together the thread waits for each answer: the system has them all at hand.
   */
  async note(files: readonly { readonly path: string; readonly oid: Oid }[]): Promise<void> {
    const facts: VerifiedFact[] = []
    for (const { path, oid } of files) {
      const stamp = files.length > 1 ? stampNow(path) : await stampOf(path)
      if (stamp !== undefined) facts.push({ ...stamp, oid, isGood: true, checkedAtMs: this.#now() })
    }
    await this.#write(facts)
  }

  /**
   * Whether the file at `path` holds exactly the blob: from memory, or by hashing it once. False when it is gone, or
   * changed while it was hashed. Throws what `hashFile` throws.
   */
  async verify(path: string, oid: Oid, hashFile: HashFile, signal?: AbortSignal): Promise<boolean> {
    const known = await this.check(path, oid)
    if (known !== undefined) return known
    const running = this.#running.get(path)
    // A second caller shares the outcome but not the abort of the first; then it hashes itself.
    if (running !== undefined) return running.catch(() => this.verify(path, oid, hashFile, signal))
    const hashing = this.#hash(path, oid, hashFile, signal)
    this.#running.set(path, hashing)
    try {
      return await hashing
    } finally {
      this.#running.delete(path)
    }
  }

  /** True where it is remembered that the file, which is open, holds the blob; false where that is not known, or wrong. */
  isKnownGood(path: string, oid: Oid, stats: BigIntStats): boolean {
    const stamp = stampIn(path, stats)
    return stamp !== undefined && this.#find(stamp, oid)?.isGood === true
  }

  /** What is remembered of the file as it stands now; undefined when it has to be hashed. */
  async check(path: string, oid: Oid): Promise<boolean | undefined> {
    const stamp = await stampOf(path)
    if (stamp === undefined) return false
    const fact = this.#find(stamp, oid)
    if (fact !== undefined) return fact.isGood
    await this.#turn.run(() => this.#readNew()).catch(() => {})
    return this.#find(stamp, oid)?.isGood
  }

  /** All that is remembered, of files that are gone too. */
  facts(): Iterable<VerifiedFact> {
    return this.#facts.values()
  }

  /** Reads what other processes, or an earlier run, have noted. */
  async load(): Promise<void> {
    await this.#turn.run(() => this.#readNew()).catch(() => {})
  }

  /** Hashes a file even where its state is remembered. A file that is gone, or changes meanwhile, is forgotten. */
  async verifyAnew(
    path: string,
    oid: Oid,
    hashFile: HashFile,
    signal?: AbortSignal,
  ): Promise<'good' | 'bad' | 'changed'> {
    const before = this.#facts.get(path)
    const isGood = await this.#hash(path, oid, hashFile, signal)
    if (isGood) return 'good'
    const after = this.#facts.get(path)
    if (after !== undefined && after !== before) return 'bad'
    this.#facts.delete(path)
    return 'changed'
  }

  async #hash(path: string, oid: Oid, hashFile: HashFile, signal?: AbortSignal): Promise<boolean> {
    const before = await stampOf(path)
    if (before === undefined) return false
    const isGood = await hashFile(path, oid, before.size, signal)
    const after = await stampOf(path)
    const fact = { ...before, oid, isGood, checkedAtMs: this.#now() }
    if (after === undefined || !isAbout(fact, after)) return false
    await this.#add(fact)
    return isGood
  }

  #find(stamp: FileStamp, oid: Oid): VerifiedFact | undefined {
    const fact = this.#facts.get(stamp.path)
    return fact?.oid === oid && isAbout(fact, stamp) ? fact : undefined
  }

  async #add(fact: VerifiedFact): Promise<void> {
    this.#facts.set(fact.path, fact)
    await this.#write([fact])
  }

  async #write(facts: readonly VerifiedFact[]): Promise<void> {
    const path = this.#path
    if (path === undefined) return
    for (const fact of facts) this.#unwritten.push(formatFact(fact))
    await this.#turn
      .run(() => this.#append(path))
      .catch(() => {
        // A state folder that cannot be written costs a hash after the next start.
      })
  }

  /** Writes the lines of all that wait for their turn; the next ones find nothing left to write. */
  async #append(path: string): Promise<void> {
    const lines = this.#unwritten.splice(0)
    if (lines.length === 0) return
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND
    await using handle = await openPlainFile(path, flags).catch(async (error) => {
      if (systemCode(error) !== 'ENOENT') throw error
      await mkdir(dirname(path), { recursive: true })
      return openPlainFile(path, flags)
    })
    await handle.writeFile(lines.join(''))
  }

  /** Reads what was added since the last look, by this process or another. */
  async #readNew(): Promise<void> {
    const path = this.#path
    if (path === undefined) return
    const stats = await unlessMissing(stat(path)).catch(() => undefined)
    if (stats === undefined || (stats.ino === this.#readInode && stats.size <= this.#readSize)) return
    const start = stats.ino === this.#readInode ? this.#readSize : 0
    // dfhf itself never lets the file grow so large.
    if (stats.size - start > MAX_READ_SIZE) return this.#compact(path)
    const bytes = new Uint8Array(stats.size - start)
    await using handle = await openPlainFile(path, constants.O_RDONLY)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
    // A line that another process is in the middle of writing is read the next time.
    const end = Buffer.from(bytes.buffer, 0, bytesRead).lastIndexOf(10) + 1
    const lines = Buffer.from(bytes.buffer, 0, end).toString('utf8').split('\n')
    for (const line of lines) {
      const fact = parseFact(line)
      if (fact !== undefined) this.#facts.set(fact.path, fact)
    }
    this.#lines = (start === 0 ? 0 : this.#lines) + lines.length - 1
    this.#readSize = start + end
    this.#readInode = stats.ino
    if (this.#lines > this.#compactAtLines) await this.#compact(path)
  }

  /** Writes the state file anew. Facts that another process adds at this very moment are lost, and hashed again. */
  async #compact(statePath: string): Promise<void> {
    for (const [path, fact] of this.#facts) {
      const stamp = await stampOf(path)
      if (stamp === undefined || !isAbout(fact, stamp)) this.#facts.delete(path)
    }
    await writeFileAtomically(statePath, [...this.#facts.values()].map(formatFact).join(''))
    this.#compactAtLines = this.#facts.size + SPARE_LINES
    this.#readInode = -1
  }
}

async function stampOf(path: string): Promise<FileStamp | undefined> {
  const stats = await unlessMissing(stat(path, { bigint: true })).catch(() => undefined)
  return stats && stampIn(path, stats)
}

function stampNow(path: string): FileStamp | undefined {
  try {
    return stampIn(path, statSync(path, { bigint: true }))
  } catch {
    return undefined
  }
}

function stampIn(path: string, stats: BigIntStats): FileStamp | undefined {
  if (!stats.isFile()) return undefined
  return {
    path,
    size: Number(stats.size),
    mtime: String(stats.mtimeNs),
    ctime: String(stats.ctimeNs),
    inode: String(stats.ino),
  }
}
