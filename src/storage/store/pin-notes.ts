import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isObject } from '../../base/json-object.ts'
import { type Commit, isCommit, isOid, type Oid } from '../../blob/oid.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { readPlainText } from '../files/plain-file.ts'

/** Some hundred thousand blobs. */
const MAX_SIZE = 2 ** 25

/** What a pinned revision was when the Hub was last asked. */
export interface PinNote {
  /** `org/name@revision`. */
  readonly name: string
  readonly commit: Commit
  readonly oids: readonly Oid[]
}

/** Remembers over restarts which blobs are pinned, in `<stateDir>/pins.json`: they are kept also while the Hub is away. */
export class PinNotes {
  readonly #path: string

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'pins.json')
  }

  /** All notes; none where the file is not there or makes no sense. */
  async read(): Promise<PinNote[]> {
    const text = await readPlainText(this.#path, MAX_SIZE)
    try {
      const value: unknown = JSON.parse(text ?? '[]')
      return Array.isArray(value) ? value.flatMap((each) => parseNote(each) ?? []) : []
    } catch {
      return []
    }
  }

  async write(notes: readonly PinNote[]): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true })
    await writeFileAtomically(this.#path, `${JSON.stringify(notes)}\n`)
  }
}

function parseNote(value: unknown): PinNote | undefined {
  if (!isObject(value)) return undefined
  const { name, commit, oids } = value
  if (typeof name !== 'string' || typeof commit !== 'string' || !isCommit(commit) || !Array.isArray(oids))
    return undefined
  const known = oids.filter((oid): oid is Oid => typeof oid === 'string' && isOid(oid))
  return { name, commit, oids: known }
}
