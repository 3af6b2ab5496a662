import { constants } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Semaphore } from '../../base/semaphore.ts'
import { isOid, type Oid } from '../../blob/oid.ts'
import { pieceCountOf } from '../../blob/pieces.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { openPlainFile, readPlainText } from '../files/plain-file.ts'

/** At this size the older half goes: enough for some ten thousand blobs. */
const MAX_SIZE = 8 * 2 ** 20
/** A sum has 24 bits; see PieceSums. */
const SUM_SIZE = 3

/** The sums of some pieces of a blob. */
export type Sums = ReadonlyMap<number, number>

interface KeptBlob {
  readonly oid: Oid
  readonly size: number
  readonly sums: Sums
}

/**
 * Remembers in `<stateDir>/piece-sums.jsonl` what the pieces of right blobs add up to, so that of one that rots later only
 * the wrong pieces are fetched. Several processes may add to it at once. Losing it costs bytes, nothing else.
 */
export class KeptSums {
  readonly #path: string | undefined
  readonly #maxSize: number
  readonly #turn = new Semaphore(1)

  /** Without `stateDir` nothing is remembered. */
  constructor(stateDir: string | undefined, maxSize = MAX_SIZE) {
    this.#path = stateDir && join(stateDir, 'piece-sums.jsonl')
    this.#maxSize = maxSize
  }

  /** Notes the sums of a blob whose bytes were checked; 0 stands for a sum that is not known. */
  async note(oid: Oid, size: number, sums: Sums): Promise<void> {
    const path = this.#path
    const isKnown = [...sums.values()].some((sum) => sum !== 0)
    if (path === undefined || !isKnown) return
    await this.#turn
      .run(() => this.#append(path, formatBlob({ oid, size, sums })))
      .catch(() => {
        // A state folder that cannot be written costs fetching a whole blob where it rots.
      })
  }

  /** What is remembered of a blob: nothing where it is empty. */
  async find(oid: Oid, size: number): Promise<Sums> {
    return (await this.#read()).findLast((kept) => kept.oid === oid && kept.size === size)?.sums ?? new Map()
  }

  /** The blobs of which something is remembered. */
  async oids(): Promise<ReadonlySet<Oid>> {
    return new Set((await this.#read()).map(({ oid }) => oid))
  }

  async #read(): Promise<KeptBlob[]> {
    const path = this.#path
    // Another process may have added a line before it drops the older half.
    const text = path === undefined ? undefined : await readPlainText(path, 2 * this.#maxSize)
    return (text ?? '').split('\n').flatMap((line) => parseBlob(line) ?? [])
  }

  async #append(path: string, line: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND
    await using handle = await openPlainFile(path, flags)
    const { size } = await handle.stat()
    if (size + line.length <= this.#maxSize) return void (await handle.writeFile(line))
    const kept = new Map((await this.#read()).map((blob) => [blob.oid, blob]))
    const lines = [...kept.values()].map(formatBlob)
    await writeFileAtomically(path, [...lines.slice(lines.length / 2), line])
  }
}

/** `[oid, size, sums]`, where the sums of all pieces in turn are base64. */
function formatBlob({ oid, size, sums }: KeptBlob): string {
  const bytes = Buffer.alloc(SUM_SIZE * pieceCountOf(size))
  for (const [piece, sum] of sums) bytes.writeUIntBE(sum, SUM_SIZE * piece, SUM_SIZE)
  return `${JSON.stringify([oid, size, bytes.toString('base64')])}\n`
}

/** Reads such a line; undefined for a torn or foreign one. */
function parseBlob(line: string): KeptBlob | undefined {
  let fields: unknown
  try {
    fields = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!Array.isArray(fields) || fields.length !== 3) return undefined
  const [oid, size, text]: unknown[] = fields
  if (typeof oid !== 'string' || !isOid(oid) || typeof size !== 'number' || typeof text !== 'string')
    return undefined
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== SUM_SIZE * pieceCountOf(size)) return undefined
  const sums = new Map<number, number>()
  for (let piece = 0; piece * SUM_SIZE < bytes.length; piece += 1) {
    const sum = bytes.readUIntBE(piece * SUM_SIZE, SUM_SIZE)
    if (sum !== 0) sums.set(piece, sum)
  }
  return { oid, size, sums }
}
