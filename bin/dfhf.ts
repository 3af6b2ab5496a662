#!/usr/bin/env bun
import { cacheCommand } from '../src/commands/cache-command.ts'
import { downloadCommand } from '../src/commands/download-command.ts'
import { compileInLongRuns } from '../src/commands/jit-policy.ts'
import { run } from '../src/commands/run.ts'
import { serveCommand } from '../src/commands/serve-command.ts'
import { configFolder } from '../src/commands/settings/config-folder.ts'
import { snapshotCommand } from '../src/commands/snapshot-command.ts'

/** How long what is still being written may take once the command is done, in ms. */
const EXIT_GRACE_MS = 1_000

declare const DFHF_VERSION: string | undefined

// Set beforehand, since a promise that never settles lets the process end with 0, as if all were well.
process.exitCode = 1
const complain = () =>
  process.stderr.write('dfhf: error: unexpected end of the program; run again and report this\n')
process.once('beforeExit', complain)

compileInLongRuns()
run(
  {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    exit: (code) => process.exit(code),
    version: typeof DFHF_VERSION === 'string' ? DFHF_VERSION : '0.0.0-source',
    configDir: () => configFolder(process.env),
  },
  { download: downloadCommand, snapshot: snapshotCommand, serve: serveCommand, cache: cacheCommand },
).then((code) => {
  process.off('beforeExit', complain)
  process.exitCode = code
  // A handle that was left open must not keep a finished command from ending.
  setTimeout(() => process.exit(code), EXIT_GRACE_MS).unref()
})
