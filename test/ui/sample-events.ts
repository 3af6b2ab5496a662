import { Chalk } from 'chalk'
import { parseOid } from '../../src/blob/oid.ts'
import type { BytesBySource, FileResult, TransferEvent } from '../../src/transfer/transfer-event.ts'

export const plain = new Chalk({ level: 0 })
export const colored = new Chalk({ level: 1 })

const oid = parseOid('ab'.repeat(32))

/** A clock that stands still until it is moved. */
export class Clock {
  ms = 0
  readonly now = (): number => this.ms
}

export function fileStart(id: number, name: string, size: number, present = 0): TransferEvent {
  return { type: 'file-start', id, name, size, present }
}

export function bytes(
  id: number,
  count: number,
  kind: keyof BytesBySource = 'hub',
  source = 'hub',
): TransferEvent {
  return { type: 'bytes', id, count, kind, source }
}

export function plan(
  files: number,
  size: number,
  missingFiles: number,
  missingSize: number,
  isWhole = true,
): TransferEvent {
  return { type: 'plan', files, size, missingFiles, missingSize, isWhole }
}

export function fileResult(
  size: number,
  from: Partial<BytesBySource> = { hub: size },
  ms = 2000,
): FileResult {
  return {
    path: '/cache/file',
    repo: 'org/name',
    revision: 'main',
    commit: 'c'.repeat(40),
    oid,
    size,
    ms,
    bytes: { hub: 0, peers: 0, local: 0, ...from },
    verified: true,
  }
}

export function fileDone(id: number, size: number, from?: Partial<BytesBySource>): TransferEvent {
  return { type: 'file-done', id, result: fileResult(size, from) }
}

export const taskDone: TransferEvent = {
  type: 'task-done',
  id: 1,
  oid,
  ms: 4213,
  bytes: { hub: 3, peers: 2, local: 1 },
  pieces: 6,
  retries: 4,
}
