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

/** Which events go out as they are; what the others say is in `progress`. */
const isTold: Readonly<Record<TransferEvent['type'], boolean>> = {
  plan: true,
  'file-start': false,
  bytes: false,
  piece: false,
  'bytes-lost': false,
  connections: false,
  'wrong-bytes': true,
  wait: false,
  retry: false,
  'task-done': true,
  'file-done': false,
  'file-failed': true,
  notice: true,
}

/** One JSON object a line for programs that watch: `progress` at intervals, each `log`, and the events that are told. */
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
      if (isTold[event.type]) {
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

function snapshot(progress: Progress): object {
  const { files, isWhole, doneFiles, size, done, speed, bytes, connections } = progress.total()
  const waiting = progress
    .files()
    .flatMap(({ name, stall }) => (stall === undefined ? [] : [{ name, reason: stall }]))
  return { files, isWhole, doneFiles, size, done, speed: Math.round(speed), bytes, connections, waiting }
}
