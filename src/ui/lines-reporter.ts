import type { TransferEvent } from '../transfer/transfer-event.ts'
import { createMessageLog, type MessageLogOptions } from './message-log.ts'
import { Once } from './once.ts'
import { Progress } from './progress.ts'
import { fileDoneLine, planLine, statsLine, summaryLine, taskLine } from './progress-text.ts'
import type { Now, Reporter } from './reporter.ts'
import { safeText } from './safe-text.ts'
import type { TextOutput } from './text-output.ts'

/** How a reporter of lines works. */
export interface LinesOptions extends MessageLogOptions {
  readonly stderr: TextOutput
  readonly now: Now
  /** Time between two lines of progress; undefined for none, so that only what ends is told. */
  readonly intervalMs: number | undefined
}

/** Plain lines for logs and pipes: how far it is every few seconds, and a line for what ends. */
export function createLinesReporter(options: LinesOptions): Reporter {
  const { stderr, now, intervalMs } = options
  const progress = new Progress(now)
  const names = new Map<number, string>()
  const once = new Once()
  const startedMs = now()
  let timer: ReturnType<typeof setInterval> | undefined
  let isStopped = false
  let isPlanTold = false
  const line = (text: string) => {
    if (!isStopped) stderr.write(`${text}\n`)
  }
  const log = createMessageLog(line, options)

  function tell(event: TransferEvent): void {
    if (event.type === 'plan') {
      // Of a long list, the first that is known and all of it.
      if (event.missingFiles === 0 || (isPlanTold && !event.isWhole)) return
      isPlanTold = true
      line(planLine(event))
    } else if (event.type === 'file-start') names.set(event.id, event.name)
    else if (event.type === 'task-done') {
      if (options.isDaemon) log.info(taskLine(event))
      else if (options.isVerbose) line(taskLine(event))
      // A daemon gives no file its final name by an event of its own.
      if (options.isDaemon) names.delete(event.id)
    } else if (event.type === 'retry') {
      log.debug(`${event.source}: ${event.reason}; again in ${event.delayMs} ms`)
    } else if (event.type === 'notice' && once.isNew(event.text)) log.warn(event.text)
    else if (event.type === 'file-failed') {
      log.debug(`${names.get(event.id) ?? 'a file'}: ${event.reason}`)
      names.delete(event.id)
    } else if (event.type === 'file-done') {
      if (!options.isDaemon && !progress.total().isMany) {
        line(fileDoneLine(event, names.get(event.id) ?? event.result.path, progress))
      }
      names.delete(event.id)
    }
  }

  return {
    log,
    events(event) {
      if (isStopped) return
      if (!options.isDaemon) progress.apply(event)
      tell(event)
    },
    start() {
      if (intervalMs === undefined) return
      timer = setInterval(() => line(statsLine(progress)), intervalMs)
      timer.unref()
    },
    stop() {
      if (isStopped) return
      clearInterval(timer)
      const summary = options.isDaemon ? undefined : summaryLine(progress, now() - startedMs)
      if (summary !== undefined) line(safeText(summary))
      isStopped = true
    },
  }
}
