import { DfhfError } from '../base/errors.ts'
import { safeJson } from '../base/safe-json.ts'
import type { TransferEvent } from '../transfer/transfer-event.ts'
import { isShown, type LogLevel } from './log-level.ts'
import { Once } from './once.ts'
import { redact } from './redact.ts'
import type { Reporter } from './reporter.ts'
import type { TextOutput } from './text-output.ts'

/** How a log of JSON lines is written. */
export interface JsonLogOptions {
  readonly stderr: TextOutput
  readonly level: LogLevel
  /** Texts that no line may hold. */
  readonly secrets: readonly string[]
  /** @default the system's */
  readonly clock?: () => Date
}

type Write = (level: LogLevel, message: string, fields?: object) => void

/** A daemon's log as one JSON object a line: `time`, `level`, `message`, and what belongs to the event. */
export function createJsonLogReporter(options: JsonLogOptions): Reporter {
  const once = new Once()
  const names = new Map<number, string>()
  let isStopped = false
  const write: Write = (level, message, fields) => {
    if (!isStopped && isShown(level, options.level))
      options.stderr.write(jsonLogLine(level, message, options, fields))
  }
  return {
    log: {
      debug: (message) => write('debug', message),
      info: (message) => write('info', message),
      warn: (message) => write('warn', message),
    },
    events(event) {
      if (event.type === 'file-start') names.set(event.id, event.name)
      else if (event.type !== 'notice' || once.isNew(event.text)) tell(event, write, names)
    },
    start() {},
    stop() {
      isStopped = true
    },
  }
}

/** The error that ends a daemon, as the last line of such a log. */
export function jsonErrorLine(error: unknown, options: Pick<JsonLogOptions, 'secrets' | 'clock'>): string {
  const message = error instanceof Error ? error.message : String(error)
  const { code = 'unexpected', hint } = error instanceof DfhfError ? error : {}
  return jsonLogLine('error', message, options, { code, hint })
}

function tell(event: TransferEvent, write: Write, names: Map<number, string>): void {
  if (event.type === 'task-done') {
    const { id, oid, ms, bytes, pieces, retries } = event
    write('info', 'task done', { file: names.get(id), task: oid, ms: Math.round(ms), bytes, pieces, retries })
    names.delete(id)
  } else if (event.type === 'file-failed') {
    const { id, reason, code } = event
    write('debug', 'task failed', { file: names.get(id), reason, code })
    names.delete(id)
  } else if (event.type === 'retry') {
    const { source, reason, delayMs } = event
    write('debug', 'asking again', { source, reason, delayMs })
  } else if (event.type === 'notice') write('warn', event.text)
}

function jsonLogLine(
  level: LogLevel,
  message: string,
  { secrets, clock = () => new Date() }: Pick<JsonLogOptions, 'secrets' | 'clock'>,
  fields: object = {},
): string {
  const all = { time: clock().toISOString(), level, message, ...fields }
  // Fields, too, hold reasons and names that other machines chose.
  const clean = Object.entries(all).map(([name, value]) => [
    name,
    typeof value === 'string' ? redact(value, secrets) : value,
  ])
  return `${safeJson(Object.fromEntries(clean))}\n`
}
