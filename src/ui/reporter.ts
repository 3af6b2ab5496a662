import type { Log } from '../base/log.ts'
import type { EventSink } from '../transfer/transfer-event.ts'

/** Shows events on stderr. It decides nothing, and never throws at its callers. */
export interface Reporter {
  readonly events: EventSink
  /** Messages among the progress. */
  readonly log: Log
  start(): void
  /** Says the last word and gives the terminal back as it was. Safe to call twice; later events are ignored. */
  stop(): void
}

/** The clock of a reporter: milliseconds that only go up. */
export type Now = () => number
