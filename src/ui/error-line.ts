import type { ChalkInstance } from 'chalk'
import { DfhfError, systemCode } from '../base/errors.ts'
import { redact } from './redact.ts'
import { safeText } from './safe-text.ts'

/** How an error is shown. */
export interface ErrorLineOptions {
  /** Stack and causes below the line. */
  readonly isVerbose: boolean
  readonly colors: ChalkInstance
  /** Texts that must never be printed. */
  readonly secrets: readonly string[]
}

/** `dfhf: error: what, on what, why; what to do` for any thrown value, with a newline. */
export function errorLine(error: unknown, options: ErrorLineOptions): string {
  const { colors, secrets } = options
  const line = safeText(redact(describe(error), secrets))
  const details = options.isVerbose ? stackLines(error, secrets) : []
  return [
    `${colors.red.bold('dfhf: error:')} ${line}`,
    ...details.map((detail) => colors.dim(detail)),
    '',
  ].join('\n')
}

function describe(error: unknown): string {
  if (error instanceof DfhfError)
    return error.hint ? `${oneLine(error.message)}; ${error.hint}` : oneLine(error.message)
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const known = systemCode(error) !== undefined && error instanceof Error
  if (known) return oneLine(error.message)
  return `unexpected ${oneLine(text)}; run again with --verbose and report what it says`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim()
}

function stackLines(error: unknown, secrets: readonly string[]): string[] {
  const lines: string[] = []
  const seen = new Set<unknown>()
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    if (seen.size > 0) lines.push(`caused by ${at.name}: ${at.message}`)
    seen.add(at)
    lines.push(...(at.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)))
  }
  return lines.map((line) => safeText(redact(line, secrets)))
}
