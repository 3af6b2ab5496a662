import { isObject } from '../../base/json-object.ts'
import { isCommit, isOid, isSha256, type Oid } from '../../blob/oid.ts'
import type { DescribedFile } from '../../repo/file-ref.ts'
import type { HeaderLine } from '../message.ts'

/** What the Hub said of the file that was asked about: the file itself, without its path, and its type and disposition. */
export interface FileFact extends Omit<DescribedFile, 'path'> {
  readonly contentType?: string | undefined
  readonly disposition?: string | undefined
}

/** All that a client reads from a HEAD of a file, in one reply and without any redirect. */
export function factHeaders(fact: FileFact, path: string): HeaderLine[] {
  const etag = etagOf(fact.oid)
  const name = path.split('/').at(-1) ?? ''
  const plain = name.replace(/[^\x20-\x7e]|["\\]/g, '_')
  return [
    ['X-Repo-Commit', fact.commit],
    ['ETag', etag],
    ...(isSha256(fact.oid)
      ? ([
          ['X-Linked-Etag', etag],
          ['X-Linked-Size', String(fact.size)],
        ] as const)
      : []),
    ['Accept-Ranges', 'bytes'],
    ['Content-Type', fact.contentType ?? 'application/octet-stream'],
    [
      'Content-Disposition',
      fact.disposition ?? `inline; filename*=UTF-8''${encodeURIComponent(name)}; filename="${plain}";`,
    ],
  ]
}

/** The ETag of a blob, as the Hub writes it. */
export function etagOf(oid: Oid): string {
  return `"${oid}"`
}

/** Reads a fact that was kept as JSON; undefined when it is misshapen. */
export function parseFileFact(value: unknown): FileFact | undefined {
  if (!isObject(value)) return undefined
  const { commit, oid, size, contentType, disposition } = value
  if (typeof commit !== 'string' || !isCommit(commit) || typeof oid !== 'string' || !isOid(oid))
    return undefined
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined
  return {
    commit,
    oid,
    size,
    ...(typeof contentType === 'string' && { contentType }),
    ...(typeof disposition === 'string' && { disposition }),
  }
}
