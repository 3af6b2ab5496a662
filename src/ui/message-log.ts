import type { ChalkInstance } from 'chalk'
import type { Log } from '../base/log.ts'
import { isShown, type LogLevel } from './log-level.ts'
import { redact } from './redact.ts'
import { safeText } from './safe-text.ts'

/** From which level on messages are shown. */
export interface MessageLogOptions {
  readonly isVerbose: boolean
  readonly isDaemon: boolean
  /** From this level on, whatever the other two say. */
  readonly level?: LogLevel | undefined
  /** Texts that no message may hold. */
  readonly secrets?: readonly string[] | undefined
  readonly colors: ChalkInstance
}

/** A log of one line a message; a daemon's `info` is always shown, that of a command with --verbose. */
export function createMessageLog(write: (line: string) => void, options: MessageLogOptions): Log {
  const { isVerbose, isDaemon, colors, secrets } = options
  const least = options.level ?? (isVerbose ? 'debug' : isDaemon ? 'info' : 'warn')
  const clean = (message: string) => safeText(redact(message, secrets))
  return {
    debug: (message) => isShown('debug', least) && write(colors.dim(clean(message))),
    info: (message) => isShown('info', least) && write(clean(message)),
    warn: (message) => isShown('warn', least) && write(`${colors.yellow('warning:')} ${clean(message)}`),
  }
}
