import { join } from 'node:path'
import { CommanderError } from 'commander'
import { exitCodeOf, isAbort } from '../base/errors.ts'
import { colorsFor } from '../ui/colors.ts'
import { createReporter } from '../ui/create-reporter.ts'
import { errorLine } from '../ui/error-line.ts'
import { type Outcome, outcomeText } from '../ui/outcome.ts'
import { chooseForm } from '../ui/output-form.ts'
import type { Reporter } from '../ui/reporter.ts'
import type { TextOutput } from '../ui/text-output.ts'
import type { CommandContext, Commands } from './commands.ts'
import { readConfigFile } from './config-file.ts'
import type { Environment } from './environment.ts'
import type { OutputOptions } from './options.ts'
import { buildProgram, type Invocation, usageError } from './program.ts'
import { resolveDownload, resolveOutput, resolveServe, resolveSnapshot } from './resolve-options.ts'
import { createSettingReader, type SettingReader } from './setting-reader.ts'
import { settings } from './settings.ts'
import { listenForStop, type SignalSource } from './stop-signals.ts'

/** The process as dfhf sees it. */
export interface Io {
  /** Arguments after the program's name. */
  readonly argv: readonly string[]
  readonly env: Environment
  readonly stdout: TextOutput
  readonly stderr: TextOutput
  readonly signals: SignalSource
  /** Ends the process at once; used for the second signal alone. */
  readonly exit: (code: number) => void
  readonly version: string
  /** The folder of `config.toml` when nothing else names one. */
  readonly configDir: string
}

/** Runs one command line and returns the exit code. The only place that prints an error. */
export async function run(io: Io, commands: Commands): Promise<number> {
  ignoreClosedOutputs(io)
  let reporter: Reporter | undefined
  using stop = listenForStop(io.signals, (code) => {
    reporter?.stop()
    io.exit(code)
  })
  let output: OutputOptions = { isJson: false, isQuiet: false, isVerbose: io.argv.includes('--verbose') }
  const secrets = secretsOf(io.env)
  try {
    await parse(io, async (invocation) => {
      const reader = await readSettings(io, invocation)
      output = resolveOutput(reader)
      secrets.push(...(invocation.flags.get('token') ?? []))
      const started = startReporter(io, invocation, output)
      reporter = started
      const context: CommandContext = {
        signal: stop.signal,
        events: started.events,
        log: started.log,
        env: io.env,
        version: io.version,
      }
      const outcome = await dispatch(invocation, reader, context, commands)
      started.stop()
      if (outcome) io.stdout.write(outcomeText(outcome, output))
    })
    return 0
  } catch (error) {
    reporter?.stop()
    const shown = stop.signal.aborted && isAbort(error) ? stop.signal.reason : error
    const isStopped = stop.exitCode !== undefined && exitCodeOf(shown) === 130
    io.stderr.write(
      errorLine(shown, {
        isVerbose: output.isVerbose,
        colors: colorsFor(io.stderr, io.env),
        secrets,
      }),
    )
    return isStopped && stop.exitCode !== undefined ? stop.exitCode : exitCodeOf(shown)
  }
}

async function parse(io: Io, invoke: (invocation: Invocation) => Promise<void>): Promise<void> {
  const program = buildProgram(io.version, { invoke, print: (text) => io.stdout.write(text) })
  try {
    if (io.argv.length === 0) program.outputHelp()
    else await program.parseAsync([...io.argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    const usage = usageError(error, io.argv)
    if (usage) throw usage
  }
}

async function readSettings(io: Io, invocation: Invocation): Promise<SettingReader> {
  const sources = { flags: invocation.flags, env: io.env }
  const first = createSettingReader({ ...sources, config: new Map(), configPath: '' })
  const given = first.read(settings.config)
  const configPath = given ?? join(io.configDir, 'config.toml')
  const config = await readConfigFile(configPath, {
    command: invocation.command,
    mustExist: given !== undefined,
  })
  return createSettingReader({ ...sources, config, configPath })
}

function startReporter(io: Io, invocation: Invocation, output: OutputOptions): Reporter {
  const reporter = createReporter({
    form: chooseForm({ ...output, stderr: io.stderr, env: io.env, isDaemon: invocation.command === 'serve' }),
    stderr: io.stderr,
    colors: colorsFor(io.stderr, io.env),
    isVerbose: output.isVerbose,
    isDaemon: invocation.command === 'serve',
    now: () => performance.now(),
  })
  reporter.start()
  return reporter
}

async function dispatch(
  { command, names }: Invocation,
  reader: SettingReader,
  context: CommandContext,
  commands: Commands,
): Promise<Outcome | undefined> {
  switch (command) {
    case 'download':
      return commands.download(resolveDownload(reader, context.env, names), context)
    case 'snapshot':
      return commands.snapshot(resolveSnapshot(reader, context.env, names), context)
    case 'serve':
      await commands.serve(resolveServe(reader, context.env), context)
      return undefined
  }
}

/** `dfhf … | head` closes our output early: that is no failure of ours, and nobody is left to be told. */
function ignoreClosedOutputs({ stdout, stderr }: Io): void {
  for (const stream of [stdout, stderr]) {
    stream.on?.('error', (error) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    })
  }
}

function secretsOf(env: Environment): string[] {
  return [env.HF_TOKEN, env.HUGGING_FACE_HUB_TOKEN].flatMap((token) => (token ? [token.trim()] : []))
}
