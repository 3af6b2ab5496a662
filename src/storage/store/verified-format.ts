import { isOid, type Oid } from '../../blob/oid.ts'

/**
 * Tells one state of one file from every other: any write makes another stamp. A program can put the time of the last
 * write back, but not that of the last change.
 */
export interface FileStamp {
  readonly path: string
  readonly size: number
  /** Of the last write: nanoseconds, as text. */
  readonly mtime: string
  /** Of the last change to bytes, names or rights: nanoseconds, as text. */
  readonly ctime: string
  readonly inode: string
}

/** What dfhf found by hashing a file, or knows from writing it. */
export interface VerifiedFact extends FileStamp {
  readonly oid: Oid
  /** False for a file that does not hold what its name says. */
  readonly isGood: boolean
  /** When its bytes were last read or written by dfhf, in Unix milliseconds. */
  readonly checkedAtMs: number
}

/** One line of the state file. */
export function formatFact(fact: VerifiedFact): string {
  const { oid, isGood, size, mtime, ctime, inode, checkedAtMs, path } = fact
  return `${JSON.stringify([oid, isGood, size, mtime, ctime, inode, checkedAtMs, path])}\n`
}

/** Reads such a line; undefined for a torn or foreign one. */
export function parseFact(line: string): VerifiedFact | undefined {
  let fields: unknown
  try {
    fields = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!Array.isArray(fields) || fields.length !== 8) return undefined
  const [oid, isGood, size, mtime, ctime, inode, checkedAtMs, path]: unknown[] = fields
  const isFact =
    typeof oid === 'string' &&
    isOid(oid) &&
    typeof isGood === 'boolean' &&
    typeof size === 'number' &&
    typeof mtime === 'string' &&
    typeof ctime === 'string' &&
    typeof inode === 'string' &&
    typeof checkedAtMs === 'number' &&
    typeof path === 'string'
  return isFact ? { oid, isGood, size, mtime, ctime, inode, checkedAtMs, path } : undefined
}

/** True when the fact is about exactly this state of the file. */
export function isAbout(fact: VerifiedFact, stamp: FileStamp): boolean {
  return (
    fact.path === stamp.path &&
    fact.size === stamp.size &&
    fact.mtime === stamp.mtime &&
    fact.ctime === stamp.ctime &&
    fact.inode === stamp.inode
  )
}
