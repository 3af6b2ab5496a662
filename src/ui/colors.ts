import { Chalk, type ChalkInstance } from 'chalk'
import type { TextOutput } from './text-output.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The painter for a stream: FORCE_COLOR decides if set, then NO_COLOR and TERM=dumb, then whether it is a terminal. */
export function colorsFor(output: TextOutput, env: Environment): ChalkInstance {
  return new Chalk({ level: hasColors(output, env) ? 1 : 0 })
}

function hasColors(output: TextOutput, env: Environment): boolean {
  const forced = env.FORCE_COLOR
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  if (env.NO_COLOR || env.TERM === 'dumb') return false
  return output.isTTY === true
}
