import type { Log } from '../base/log.ts'
import { safeJson } from '../base/safe-json.ts'
import type { TransferEvent } from '../transfer/transfer-event.ts'
import { Progress } from './progress.ts'
import { redact } from './redact.ts'
import type { Now, Reporter } from './reporter.ts'
import type { TextOutput } from './text-output.ts'

/** How a reporter of JSON lines works. */
export interface JsonOptions {
  readonly stderr: TextOutput
  readonly now: Now
  readonly isVerbose: boolean
  readonly intervalMs: number
}

/** One JSON object a line for programs that read them: `progress` at intervals, and each `task-done`, `notice` and `log`. */
export function createJsonReporter({ stderr, now, isVerbose, intervalMs }: JsonOptions): Reporter {
  const progress = new Progress(now)
  let timer: ReturnType<typeof setInterval> | undefined
  let isStopped = false
  const write = (event: string, fields: object) => {
    if (!isStopped) stderr.write(`${safeJson({ event, ...fields })}\n`)
  }
  const say = (level: string) => (message: string) => write('log', { level, message: redact(message) })
  const nothing = () => {}
  const log: Log = {
    debug: isVerbose ? say('debug') : nothing,
    info: isVerbose ? say('info') : nothing,
    warn: say('warn'),
  }
  return {
    log,
    events(event) {
      progress.apply(event)
      if (isTold(event)) {
        const { type, ...fields } = event
        write(type, fields)
      }
    },
    start() {
      timer = setInterval(() => write('progress', snapshot(progress)), intervalMs)
      timer.unref()
    },
    stop() {
      clearInterval(timer)
      isStopped = true
    },
  }
}

function isTold(event: TransferEvent): boolean {
  return ['plan', 'task-done', 'file-failed', 'notice'].includes(event.type)
}

function snapshot(progress: Progress): object {
  const { files, doneFiles, size, done, speed, bytes, connections } = progress.total()
  const waiting = progress
    .files()
    .flatMap(({ name, stall }) => (stall === undefined ? [] : [{ name, reason: stall }]))
  return { files, doneFiles, size, done, speed: Math.round(speed), bytes, connections, waiting }
}
