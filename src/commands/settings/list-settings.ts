import { expandPath } from '../../base/expand-path.ts'
import { optional } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of what a snapshot fetches beyond one repo, and of the lock file that says exactly what. */
export const listSettings = {
  from: optional(
    {
      flag: 'from',
      value: '<file>',
      env: [],
      isFlagOnly: true,
      group: groups.what,
      help: 'the repos to fetch: a repo[@revision] [pattern...] [!pattern...] a line, or a JSON array; - for stdin',
    },
    (text, env) => (text === '-' ? text : expandPath(text, env)),
  ),
  lock: optional(
    {
      flag: 'lock',
      value: '<file>',
      env: [],
      isFlagOnly: true,
      group: groups.what,
      help: 'write the commit and the files of each repo here, also with --dry-run',
    },
    expandPath,
  ),
  locked: optional(
    {
      flag: 'locked',
      value: '<file>',
      env: [],
      isFlagOnly: true,
      group: groups.what,
      help: 'fetch exactly what this lock file says (exit 5 on any difference), all of it where no repo is given',
    },
    expandPath,
  ),
} as const
