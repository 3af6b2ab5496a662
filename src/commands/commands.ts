import type { Environment } from '../base/environment.ts'
import type { Log } from '../base/log.ts'
import type { EventSink } from '../transfer/transfer-event.ts'
import type { Outcome } from '../ui/outcome.ts'
import type { CacheOptions, DownloadOptions, ServeOptions, SnapshotOptions } from './settings/options.ts'

/** What a running command has besides its options. */
export interface CommandContext {
  /** Aborts on the first SIGINT or SIGTERM: finish politely, keep what is verified. */
  readonly signal: AbortSignal
  /** Receives the events of transfers; shown as bars, lines or JSON. */
  readonly events: EventSink
  /** For messages that are no events; they go to stderr among the progress. */
  readonly log: Log
  /** For the parts that read their own variables: tokens, proxies, certificates. */
  readonly env: Environment
  readonly version: string
  /** False where the outcome of a snapshot is told by its folder alone. */
  readonly tellsFiles: boolean
  /** Does work for which the user should not wait, once the result is printed. */
  readonly afterwards: (work: () => Promise<void>) => void
}

/** The commands themselves, built from concrete parts by the entry. Each throws DfhfError. */
export interface Commands {
  download(options: DownloadOptions, context: CommandContext): Promise<Outcome>
  snapshot(options: SnapshotOptions, context: CommandContext): Promise<Outcome>
  cache(options: CacheOptions, context: CommandContext): Promise<Outcome>
  /** Resolves once it was stopped by the signal and everything is closed. */
  serve(options: ServeOptions, context: CommandContext): Promise<void>
}
