import type { ErrorCode } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'
import { safeJson } from '../base/safe-json.ts'
import type { BytesBySource, FileResult } from '../transfer/transfer-event.ts'
import type { DryRunPlan } from './dry-run-table.ts'
import { dryRunTable } from './dry-run-table.ts'
import { redact } from './redact.ts'
import { safeText } from './safe-text.ts'

/** The outcome of a whole snapshot, as `--json` prints it. */
export interface SnapshotResult {
  /** The snapshot folder, or the absolute local folder. */
  readonly path: string
  readonly repo: string
  readonly revision: string
  readonly commit: string
  /** A snapshot has no blob id; its commit names it. */
  readonly oid: null
  readonly size: number
  readonly ms: number
  readonly bytes: BytesBySource
  /** True when every file was hashed in this run. */
  readonly verified: boolean
  readonly files: readonly FileResult[]
}

/** What another node fetched into its store. */
export interface RemoteResult {
  readonly on: string
  readonly repo: string
  readonly revision: string
  readonly commit: string
  readonly size: number
  readonly files: number
}

/** A repo of a list that did not come. */
interface FailedResult {
  readonly repo: string
  readonly revision: string
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

/** What became of one repo of a list. */
export type RepoOutcome =
  | { readonly kind: 'snapshot'; readonly result: SnapshotResult }
  | { readonly kind: 'remote'; readonly result: RemoteResult }
  | { readonly kind: 'plan'; readonly result: DryRunPlan }
  | { readonly kind: 'failed'; readonly result: FailedResult }

/** What a command hands back for stdout. */
export type Outcome =
  | { readonly kind: 'file'; readonly result: FileResult }
  | RepoOutcome
  /** Of several repos; `failure` is to be thrown once all is printed, or is undefined. */
  | { readonly kind: 'list'; readonly outcomes: readonly RepoOutcome[]; readonly failure: unknown }
  /** What was found on this machine, as one JSON object or as text; `failure` as above. */
  | { readonly kind: 'report'; readonly result: object; readonly text: string; readonly failure?: unknown }

/** How a repo of a list failed. */
export function failedOutcome(
  about: Pick<FailedResult, 'repo' | 'revision'>,
  error: unknown,
): Extract<RepoOutcome, { kind: 'failed' }> {
  const message = redact(error instanceof Error ? error.message : String(error))
  const { code, hint } = error instanceof DfhfError ? error : { code: 'unexpected' as const, hint: undefined }
  return {
    kind: 'failed',
    result: { ...about, error: { code, message, ...(hint !== undefined && { hint }) } },
  }
}

/** What stdout carries, for each repo: the path alone, or one JSON object; always ends in a newline unless empty. */
export function outcomeText(
  outcome: Outcome,
  output: { readonly isJson: boolean; readonly isQuiet: boolean; readonly isTerminal: boolean },
): string {
  if (outcome.kind === 'list') return outcome.outcomes.map((each) => listedText(each, output)).join('')
  if (output.isJson) return `${safeJson(outcome.result)}\n`
  switch (outcome.kind) {
    case 'file':
    case 'snapshot':
      return `${pathText(outcome.result.path, output.isTerminal)}\n`
    case 'remote':
      return `${outcome.result.repo}@${outcome.result.commit}\n`
    case 'plan':
      return dryRunTable(outcome.result, output)
    case 'report':
      return outcome.text
    case 'failed':
      return ''
  }
}

/** The table of a dry run does not say of which repo it is. */
function listedText(outcome: RepoOutcome, output: Parameters<typeof outcomeText>[1]): string {
  const text = outcomeText(outcome, output)
  const hasHead = outcome.kind === 'plan' && !output.isJson && !output.isQuiet
  return hasHead ? `${safeText(`${outcome.result.repo}@${outcome.result.revision}`)}\n${text}` : text
}

/** The warning about a result that is not printed as it is; undefined when it is. */
export function outcomeWarning(outcome: Outcome, output: { readonly isJson: boolean }): string | undefined {
  if (outcome.kind === 'report') return undefined
  const all = outcome.kind === 'list' ? outcome.outcomes : [outcome]
  const hasBreak = all.some(
    ({ kind, result }) => (kind === 'file' || kind === 'snapshot') && lineBreak.test(result.path),
  )
  if (output.isJson || !hasBreak) return undefined
  return 'the path has a line break, which stands there as \\x0a or \\x0d; --json gives the path itself'
}

const lineBreak = /[\r\n]/

/**
 * A program gets the very path; a terminal gets one without control characters. A line break is escaped for both: it
 * would make two results of one, and the author of a repo could choose the second path.
 */
function pathText(path: string, isTerminal: boolean): string {
  return isTerminal ? safeText(path) : path.replace(/[\r\n]/g, safeText)
}

/** The result of a snapshot from those of its files. */
export function snapshotResult(
  about: Pick<SnapshotResult, 'path' | 'repo' | 'revision' | 'commit' | 'ms'>,
  files: readonly FileResult[],
): SnapshotResult {
  const sum = (of: (file: FileResult) => number) => files.reduce((total, file) => total + of(file), 0)
  return {
    path: about.path,
    repo: about.repo,
    revision: about.revision,
    commit: about.commit,
    oid: null,
    size: sum((file) => file.size),
    ms: about.ms,
    bytes: {
      hub: sum((file) => file.bytes.hub),
      peers: sum((file) => file.bytes.peers),
      local: sum((file) => file.bytes.local),
    },
    verified: files.every((file) => file.verified),
    files,
  }
}
