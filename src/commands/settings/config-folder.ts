import { join } from 'node:path'
import type { Environment } from '../../base/environment.ts'
import { systemCode } from '../../base/errors.ts'

/** Where the system keeps a user's settings. Undefined for a user without a home folder, as in many containers. */
export async function configFolder(env: Environment): Promise<string | undefined> {
  try {
    // The package looks for the home folder while it is loaded, and throws where there is none.
    const { default: envPaths } = await import('env-paths')
    return envPaths('dfhf', { suffix: '' }).config
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return env.XDG_CONFIG_HOME ? join(env.XDG_CONFIG_HOME, 'dfhf') : undefined
  }
}
