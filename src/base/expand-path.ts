import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Environment } from './environment.ts'
import { DfhfError } from './errors.ts'

/**
 * An absolute path from what a user wrote: `~` and `$VAR` are expanded; a variable that is not set stays as written.
 * Throws `usage` for `~` where there is no home folder.
 */
export function expandPath(text: string, env: Environment): string {
  const named = text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => env[braced ?? bare] ?? whole)
  return resolve(named.replace(/^~(?=$|[/\\])/, () => homeOf(env) ?? noHome(`to expand ${text}`)))
}

/** The Hugging Face home folder: token, cache and dfhf's own state stand in it. Undefined where nothing says where. */
export function huggingFaceHome(env: Environment): string | undefined {
  if (env.HF_HOME) return expandPath(env.HF_HOME, env)
  if (env.XDG_CACHE_HOME) return join(expandPath(env.XDG_CACHE_HOME, env), 'huggingface')
  const home = homeOf(env)
  return home && join(home, '.cache', 'huggingface')
}

/** The user's home folder. Undefined for a user that this machine has no entry of, as in many containers. */
function homeOf(env: Environment): string | undefined {
  const given = env.HOME || env.USERPROFILE
  if (given) return given
  try {
    return userInfo().homedir || undefined
  } catch {
    return undefined
  }
}

/** Throws the error for what cannot be found without a home folder. */
export function noHome(purpose: string): never {
  throw new DfhfError('usage', `this user has no home folder ${purpose}`, {
    hint: 'set HF_HOME or HOME, or give --cache-dir',
  })
}
