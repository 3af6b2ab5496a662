import { isSwitchedOn } from '../base/environment.ts'
import type { TextOutput } from './text-output.ts'

/** The ways to show what happens: bars, plain lines at intervals, JSON lines, log lines alone, or nothing. */
export type OutputForm = 'terminal' | 'lines' | 'json' | 'log' | 'quiet'

/** What the choice depends on. */
export interface FormCircumstances {
  readonly isQuiet: boolean
  readonly isJson: boolean
  /** True for a process without an end of its own: it logs, and shows no progress. */
  readonly isDaemon: boolean
  readonly stderr: TextOutput
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Bars need a terminal that can move its cursor and a person before it. */
export function chooseForm({ isQuiet, isJson, isDaemon, stderr, env }: FormCircumstances): OutputForm {
  if (isQuiet) return 'quiet'
  if (isDaemon) return 'log'
  if (isSwitchedOn(env.HF_HUB_DISABLE_PROGRESS_BARS)) return 'log'
  if (stderr.isTTY && env.TERM !== 'dumb' && !isOnCi(env.CI)) return 'terminal'
  return isJson ? 'json' : 'lines'
}

/** CI services write their own names and versions into the variable. */
function isOnCi(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value.toLowerCase())
}
