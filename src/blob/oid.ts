import { DfhfError } from '../base/errors.ts'

/** 64 hex digits: the sha256 of an LFS file's content. */
export type Sha256 = string & { readonly __brand: 'Sha256' }
/** 40 hex digits: the git blob id of a regular file, sha1 of `blob <size>\0` and the content. */
export type GitBlobId = string & { readonly __brand: 'GitBlobId' }
/** The name of a blob: what its content must hash to. */
export type Oid = Sha256 | GitBlobId
/** 40 hex digits that name a commit. */
export type Commit = string & { readonly __brand: 'Commit' }

/** True for an LFS sha256. */
export function isSha256(text: string): text is Sha256 {
  return /^[0-9a-f]{64}$/.test(text)
}

/** True for the id of a git blob. */
export function isGitBlobId(text: string): text is GitBlobId {
  return /^[0-9a-f]{40}$/.test(text)
}

/** True for a blob name of either kind. */
export function isOid(text: string): text is Oid {
  return isSha256(text) || isGitBlobId(text)
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const EMPTY_GIT_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'

/** True for the name of the blob without a byte, in either form. */
export function isEmptyOid(oid: Oid): boolean {
  return oid === EMPTY_SHA256 || oid === EMPTY_GIT_BLOB
}

/** True for a full commit hash; only this form is immutable to the Hub's clients. */
export function isCommit(text: string): text is Commit {
  return /^[0-9a-f]{40}$/.test(text)
}

/** Checks a blob name that came from outside; it becomes a file name, so nothing else may pass. */
export function parseOid(text: string): Oid {
  if (!isOid(text)) throw new DfhfError('bad-response', `not a blob id: '${text.slice(0, 80)}'`)
  return text
}
