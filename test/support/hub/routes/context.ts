import type { Caller } from '../access.ts'
import type { HttpRequest } from '../http/message.ts'
import type { Commit, Repo } from '../repo.ts'
import type { Route } from '../route.ts'
import type { RequestRecord } from '../stats.ts'

/** What every route of the Hub may need. */
export interface RouteContext {
  readonly request: HttpRequest
  readonly route: Route
  readonly repo: Repo
  readonly caller: Caller
  readonly record: RequestRecord
  /** The Hub's public address, without a slash at the end. */
  readonly hubUrl: string
  /** A signed CDN URL for an oid of a repo. */
  readonly signCdnUrl: (repo: Repo, oid: string, fileName: string) => string
  readonly cdnUrl: string
  /** The folder of a bare git repository with the repo's commits. */
  readonly bareRepo: (repo: Repo) => string
  readonly settings: RouteSettings
}

/** The same, once the revision is known to exist. */
export interface RevisionContext extends RouteContext {
  readonly commit: Commit
}

/** Where the Hub's answers may differ and tests want a say. */
export interface RouteSettings {
  /** Entries of a tree page. @default 1000, or 50 with expand */
  readonly pageSize?: number
  /** Sends X-Linked-Etag and X-Linked-Size for regular files too. @default false */
  readonly linksRegularFiles?: boolean
  /** Sent as X-HF-Warning, one line each. */
  readonly warnings?: readonly string[]
}
