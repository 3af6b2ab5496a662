import { Argument, Command, type CommanderError, Option } from 'commander'
import { DfhfError } from '../base/errors.ts'
import { closingHelp, commandList } from './command-list.ts'
import { completionScript, shells } from './completion/completion.ts'
import type { Setting } from './settings/setting.ts'
import { type CommandName, settingsFor, settingsOf } from './settings/settings.ts'

/** A command line that commander found to be well formed. */
export interface Invocation {
  readonly command: CommandName
  readonly names: readonly string[]
  /** Texts by long flag, only those that were given. */
  readonly flags: ReadonlyMap<string, readonly string[]>
}

/** What the program does besides parsing. */
export interface ProgramActions {
  readonly invoke: (invocation: Invocation) => Promise<void>
  /** Takes help, version and completion scripts. */
  readonly print: (text: string) => void
}

/** The command line of dfhf. Parsing throws; `usageError` says what it means. */
export function buildProgram(version: string, actions: ProgramActions): Command {
  const program = new Command('dfhf')
    .description(
      'Hugging Face models and datasets onto every machine, while each byte crosses the uplink once',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nRun dfhf <command> --help for the options and examples of a command.')
    .exitOverride()
    .configureOutput({ writeOut: actions.print, writeErr: () => {}, getOutHelpWidth: () => 110 })
    .showSuggestionAfterError(true)
  for (const name of commandNames()) program.addCommand(buildCommand(program, name, actions))
  const completion = program
    .command('completion')
    .summary('print a completion script for a shell')
    .description('Prints a script that makes a shell complete the commands and options of dfhf.')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText('after', '\nExample:\n  source <(dfhf completion bash)')
  completion.action((shell: string) => actions.print(completionScript(program, shell)))
  return program
}

/** The usage error that commander found, or undefined when it only printed help or the version. */
export function usageError(error: CommanderError, argv: readonly string[]): DfhfError | undefined {
  if (error.exitCode === 0 || error.code === 'commander.help') return undefined
  const [first = ''] = argv
  const command = commandNames().find((name) => name === first)
  const message = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .trim()
  return new DfhfError('usage', message, { hint: `see dfhf ${command ? `${command} ` : ''}--help` })
}

function commandNames(): CommandName[] {
  return Object.keys(settingsOf).filter((name): name is CommandName => name in settingsOf)
}

function buildCommand(program: Command, name: CommandName, actions: ProgramActions): Command {
  const text = commandList[name]
  const command = new Command(name).copyInheritedSettings(program).summary(text.summary)
  command.description(text.description)
  command.addHelpOption(new Option('-h, --help', 'print this help').helpGroup('Output:'))
  for (const { name, help, choices } of text.arguments) {
    const argument = new Argument(name, help)
    command.addArgument(choices ? argument.choices(choices) : argument)
  }
  const settings = settingsFor(name)
  for (const setting of settings) for (const option of toOptions(setting)) command.addOption(option)
  const examples = text.examples.map(({ line, help }) => `  # ${help}\n  ${line}`).join('\n')
  command.addHelpText('after', `\nExamples:\n${examples}\n${closingHelp.trimEnd()}`)
  return command.action(() =>
    actions.invoke({ command: name, names: command.args, flags: givenFlags(command, settings) }),
  )
}

/** The option of a setting and, for a switch, the hidden one that undoes it. */
function toOptions(setting: Setting<unknown>): Option[] {
  const short = setting.short ? `-${setting.short}, ` : ''
  const alias = setting.alias ? `--${setting.alias}, ` : ''
  const value = setting.value ? ` ${setting.value}` : ''
  const option = new Option(`${short}${alias}--${setting.flag}${value}`, describe(setting))
  option.helpGroup(`${setting.group}:`)
  if (setting.value) option.argParser((text, before) => (Array.isArray(before) ? [...before, text] : [text]))
  if (setting.choices) option.argChoices = [...setting.choices]
  return setting.value ? [option] : [option, new Option(`--${opposite(setting.flag)}`).hideHelp()]
}

function opposite(flag: string): string {
  return flag.startsWith('no-') ? flag.slice(3) : `no-${flag}`
}

function describe(setting: Setting<unknown>): string {
  const facts = [
    setting.fallbackText && `default: ${setting.fallbackText}`,
    setting.env.length > 0 && `env: ${setting.env.join(', ')}`,
  ].filter(Boolean)
  return facts.length > 0 ? `${setting.help} (${facts.join('; ')})` : setting.help
}

function givenFlags(command: Command, settings: readonly Setting<unknown>[]): Map<string, readonly string[]> {
  const given = new Map<string, readonly string[]>()
  for (const setting of settings) {
    const key = new Option(`--${setting.flag}`).attributeName()
    if (command.getOptionValueSource(key) !== 'cli') continue
    const value: unknown = command.getOptionValue(key)
    if (Array.isArray(value)) given.set(setting.flag, value.map(String))
    else given.set(setting.flag, [String(value !== setting.flag.startsWith('no-'))])
  }
  return given
}
