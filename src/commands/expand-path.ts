import { join, resolve } from 'node:path'
import type { Environment } from './environment.ts'

/** An absolute path from what a user wrote: `~` and `$VAR` are expanded; a variable that is not set stays as written. */
export function expandPath(text: string, env: Environment): string {
  const named = text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => env[braced ?? bare] ?? whole)
  return resolve(named.replace(/^~(?=$|[/\\])/, homeOf(env)))
}

/** The Hugging Face home folder: token, cache and dfhf's own state stand in it. */
export function huggingFaceHome(env: Environment): string {
  if (env.HF_HOME) return expandPath(env.HF_HOME, env)
  const cache = env.XDG_CACHE_HOME ? expandPath(env.XDG_CACHE_HOME, env) : join(homeOf(env), '.cache')
  return join(cache, 'huggingface')
}

function homeOf(env: Environment): string {
  return env.HOME || env.USERPROFILE || '/'
}
