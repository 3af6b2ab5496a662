import { isOid, type Oid } from '../blob/oid.ts'

/** Tells one state of one file from every other: any write makes another stamp. */
export interface FileStamp {
  readonly path: string
  readonly size: number
  /** Nanoseconds, as text. */
  readonly mtime: string
  readonly inode: string
}

/** What hashing a file showed, or writing it. */
export interface VerifiedFact extends FileStamp {
  readonly oid: Oid
  /** False for a file that does not hold what its name says. */
  readonly isGood: boolean
}

/** One line of the state file. */
export function formatFact(fact: VerifiedFact): string {
  return `${JSON.stringify([fact.oid, fact.isGood, fact.size, fact.mtime, fact.inode, fact.path])}\n`
}

/** Reads such a line; undefined for a torn or foreign one. */
export function parseFact(line: string): VerifiedFact | undefined {
  let fields: unknown
  try {
    fields = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!Array.isArray(fields) || fields.length !== 6) return undefined
  const [oid, isGood, size, mtime, inode, path]: unknown[] = fields
  const isFact =
    typeof oid === 'string' &&
    isOid(oid) &&
    typeof isGood === 'boolean' &&
    typeof size === 'number' &&
    typeof mtime === 'string' &&
    typeof inode === 'string' &&
    typeof path === 'string'
  return isFact ? { oid, isGood, size, mtime, inode, path } : undefined
}

/** True when the fact is about exactly this state of the file. */
export function isAbout(fact: VerifiedFact, stamp: FileStamp): boolean {
  return (
    fact.path === stamp.path &&
    fact.size === stamp.size &&
    fact.mtime === stamp.mtime &&
    fact.inode === stamp.inode
  )
}
