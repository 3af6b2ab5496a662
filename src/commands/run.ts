import { join } from 'node:path'
import { CommanderError } from 'commander'
import type { Environment } from '../base/environment.ts'
import { DfhfError, exitCodeOf, isAbort } from '../base/errors.ts'
import { colorsFor } from '../ui/colors.ts'
import { createReporter } from '../ui/create-reporter.ts'
import { errorLine } from '../ui/error-line.ts'
import { jsonErrorLine } from '../ui/json-log-reporter.ts'
import { type Outcome, outcomeText, outcomeWarning } from '../ui/outcome.ts'
import { chooseForm } from '../ui/output-form.ts'
import type { Reporter } from '../ui/reporter.ts'
import type { TextOutput } from '../ui/text-output.ts'
import type { CommandContext, Commands } from './commands.ts'
import { configCommand, configSubject } from './config-command.ts'
import { buildProgram, type Invocation, usageError } from './program.ts'
import { readConfigFile } from './settings/config-file.ts'
import type { OutputOptions } from './settings/options.ts'
import {
  resolveCache,
  resolveDownload,
  resolveOutput,
  resolveServe,
  resolveSnapshot,
} from './settings/resolve-options.ts'
import { createSettingReader, type SettingReader } from './settings/setting-reader.ts'
import { settings } from './settings/settings.ts'
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
  /** The folder of `config.toml` when nothing else names one; undefined for a user without a home folder. */
  readonly configDir: () => Promise<string | undefined>
}

/** What is known of a run so far. */
interface RunState {
  reporter: Reporter | undefined
  output: OutputOptions
  /** True for a daemon whose log is read by a program. */
  isLoggingJson: boolean
  /** Texts that no message may hold. */
  readonly secrets: string[]
}

/** Runs one command line and returns the exit code. The only place that prints an error. */
export async function run(io: Io, commands: Commands): Promise<number> {
  // Errors of a write reach its callback; `dfhf … | head` must not also end in an unhandled event.
  for (const output of [io.stdout, io.stderr]) output.on?.('error', () => {})
  const isVerbose = io.argv.includes('--verbose')
  const state: RunState = {
    reporter: undefined,
    isLoggingJson: false,
    output: { isJson: false, isQuiet: false, isVerbose, logFormat: 'text', logLevel: undefined },
    secrets: secretsOf(io.env),
  }
  using stop = listenForStop(io.signals, (code) => {
    state.reporter?.stop()
    io.exit(code)
  })
  try {
    await parse(io, (invocation) => execute(io, { invocation, commands, state, signal: stop.signal }))
    return 0
  } catch (error) {
    state.reporter?.stop()
    const shown = stop.signal.aborted && isAbort(error) ? stop.signal.reason : error
    io.stderr.write(lastLine(io, shown, state))
    const code = exitCodeOf(shown)
    return code === exitCodeOf(stop.signal.reason) ? (stop.exitCode ?? code) : code
  }
}

/** The error that ends a run, in the form of what was written before it. */
function lastLine(io: Io, error: unknown, { output, secrets, isLoggingJson }: RunState): string {
  if (isLoggingJson) return jsonErrorLine(error, { secrets })
  const colors = colorsFor(io.stderr, io.env)
  return errorLine(error, { isVerbose: output.isVerbose, colors, secrets })
}

/** Runs a well-formed command, and prints its result. */
async function execute(
  io: Io,
  given: {
    readonly invocation: Invocation
    readonly commands: Commands
    readonly state: RunState
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { invocation, commands, state, signal } = given
  state.secrets.push(...(invocation.flags.get('token') ?? []))
  const reader = await readSettings(io, invocation)
  state.output = resolveOutput(reader)
  state.isLoggingJson = invocation.command === 'serve' && state.output.logFormat === 'json'
  const reporter = startReporter(io, invocation, state)
  state.reporter = reporter
  const { events, log } = reporter
  const later: (() => Promise<void>)[] = []
  const afterwards = (work: () => Promise<void>) => later.push(work)
  const { env, version } = io
  const tellsFiles = state.output.isJson
  const context: CommandContext = { signal, events, log, env, version, tellsFiles, afterwards }
  const outcome = await dispatch(invocation, reader, context, commands)
  const warning = outcome && outcomeWarning(outcome, state.output)
  if (warning !== undefined) log.warn(warning)
  reporter.stop()
  if (outcome)
    await writeAll(io.stdout, outcomeText(outcome, { ...state.output, isTerminal: io.stdout.isTTY === true }))
  for (const work of later) await work()
  const isOfMany = outcome?.kind === 'list' || outcome?.kind === 'report'
  if (isOfMany && outcome.failure !== undefined) throw outcome.failure
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
  const folder = await io.configDir()
  const configPath = given ?? (folder && join(folder, 'config.toml'))
  if (configPath === undefined) return first
  const config = await readConfigFile(configPath, {
    command: invocation.command === 'config' ? configSubject(invocation.names) : invocation.command,
    mustExist: given !== undefined,
  })
  return createSettingReader({ ...sources, config, configPath })
}

function startReporter(io: Io, invocation: Invocation, { output, secrets }: RunState): Reporter {
  const isDaemon = invocation.command === 'serve'
  const reporter = createReporter({
    form: chooseForm({ ...output, stderr: io.stderr, env: io.env, isDaemon }),
    stderr: io.stderr,
    colors: colorsFor(io.stderr, io.env),
    isVerbose: output.isVerbose,
    isDaemon,
    level: isDaemon ? output.logLevel : undefined,
    secrets,
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
    case 'cache':
      return commands.cache(resolveCache(reader, context.env, names), context)
    case 'config':
      return configCommand(reader, names, context)
    case 'serve':
      await commands.serve(resolveServe(reader, context.env), context)
      return undefined
  }
}

/** Writes all of `text`. A reader that has gone away is no failure of dfhf's; a result that could not be stored is. */
function writeAll(output: TextOutput, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, (error) => {
      if (!error || error.code === 'EPIPE') resolve()
      else reject(new DfhfError('disk', `cannot write the result: ${error.message}`, { cause: error }))
    })
  })
}

function secretsOf(env: Environment): string[] {
  return [env.HF_TOKEN, env.HUGGING_FACE_HUB_TOKEN].flatMap((token) => (token ? [token.trim()] : []))
}
