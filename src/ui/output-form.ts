import { isSwitchedOn } from '../base/environment.ts'
import type { TextOutput } from './text-output.ts'

/** The ways to show what happens: bars, plain lines at intervals, JSON lines, log lines alone, as text or JSON, or nothing. */
export type OutputForm = 'terminal' | 'lines' | 'json' | 'log' | 'json-log' | 'quiet'

/** What the choice depends on. */
export interface FormCircumstances {
  readonly isQuiet: boolean
  readonly isJson: boolean
  /** True for a process without an end of its own: it logs, and shows no progress. */
  readonly isDaemon: boolean
  /** How a daemon writes its log. @default 'text' */
  readonly logFormat?: 'text' | 'json'
  readonly stderr: TextOutput
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Bars need a terminal that can move its cursor and a person before it. */
export function chooseForm(circumstances: FormCircumstances): OutputForm {
  const { isQuiet, isJson, isDaemon, logFormat, stderr, env } = circumstances
  if (isQuiet) return 'quiet'
  if (isDaemon) return logFormat === 'json' ? 'json-log' : 'log'
  if (isSwitchedOn(env.HF_HUB_DISABLE_PROGRESS_BARS)) return 'log'
  if (stderr.isTTY && env.TERM !== 'dumb' && !isOnCi(env.CI)) return 'terminal'
  return isJson ? 'json' : 'lines'
}

/** CI services write their own names and versions into the variable. */
function isOnCi(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value.toLowerCase())
}
