import { type Environment, firstSet } from '../../base/environment.ts'
import { DfhfError } from '../../base/errors.ts'
import { parseSeconds } from './parse-values.ts'

const NAME = 'DFHF_RATE_LIMIT_PATIENCE'

/**
 * How long a host may answer 429 and let nothing through, in ms, where the environment says it in seconds: jobs with a
 * deadline want to know sooner, those that run for days later. Throws `usage`.
 */
export function ratePatienceOf(env: Environment): number | undefined {
  const variable = firstSet(env, [NAME])
  if (!variable) return undefined
  try {
    return parseSeconds(variable.value)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new DfhfError('usage', `${NAME}: ${why}`, { cause: error })
  }
}
