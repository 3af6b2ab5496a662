#!/usr/bin/env bun
import envPaths from 'env-paths'
import { downloadCommand } from '../src/commands/download-command.ts'
import { run } from '../src/commands/run.ts'
import { serveCommand } from '../src/commands/serve-command.ts'

declare const DFHF_VERSION: string | undefined

run(
  {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: process,
    exit: (code) => process.exit(code),
    version: typeof DFHF_VERSION === 'string' ? DFHF_VERSION : '0.0.0-source',
    configDir: envPaths('dfhf', { suffix: '' }).config,
  },
  { download: downloadCommand, snapshot: downloadCommand, serve: serveCommand },
).then((code) => {
  process.exitCode = code
})
