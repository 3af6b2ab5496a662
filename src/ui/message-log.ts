import type { ChalkInstance } from 'chalk'
import type { Log } from '../base/log.ts'
import { redact } from './redact.ts'
import { safeText } from './safe-text.ts'

/** From which level on messages are shown. */
export interface MessageLogOptions {
  readonly isVerbose: boolean
  readonly isDaemon: boolean
  readonly colors: ChalkInstance
}

/** A log of one line a message; a daemon's `info` is always shown, that of a command with --verbose. */
export function createMessageLog(write: (line: string) => void, options: MessageLogOptions): Log {
  const { isVerbose, isDaemon, colors } = options
  const clean = (message: string) => safeText(redact(message))
  return {
    debug: (message) => isVerbose && write(colors.dim(clean(message))),
    info: (message) => (isVerbose || isDaemon) && write(clean(message)),
    warn: (message) => write(`${colors.yellow('warning:')} ${clean(message)}`),
  }
}
