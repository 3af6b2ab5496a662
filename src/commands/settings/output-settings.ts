import { expandPath } from '../../base/expand-path.ts'
import { optional, toggle } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of what is shown. */
export const outputSettings = {
  json: toggle({
    flag: 'json',
    env: ['DFHF_JSON'],
    group: groups.output,
    help: 'print the result as one JSON object',
  }),
  quiet: toggle({
    flag: 'quiet',
    short: 'q',
    env: ['DFHF_QUIET'],
    group: groups.output,
    help: 'no progress and no notices; errors only',
  }),
  verbose: toggle({
    flag: 'verbose',
    env: ['DFHF_VERBOSE', 'HF_DEBUG'],
    group: groups.output,
    help: 'say more, and show the stack of an error',
  }),
  config: optional(
    {
      flag: 'config',
      value: '<file>',
      env: ['DFHF_CONFIG'],
      isFlagOnly: true,
      group: groups.output,
      help: 'config file (TOML): flag names without dashes as keys',
    },
    expandPath,
  ),
} as const
