import type { Argument, Command, Option } from 'commander'

/** What a shell can offer as the value of an option or an argument. */
export type Offer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'file' }
  | { readonly kind: 'folder' }
  | { readonly kind: 'words'; readonly words: readonly string[] }

/** An option as a shell completes it. */
export interface OptionShape {
  /** All its spellings, dashes included. */
  readonly names: readonly string[]
  readonly help: string
  /** undefined for a switch. */
  readonly value: Offer | undefined
}

/** A command as a shell completes it. */
export interface CommandShape {
  readonly name: string
  readonly help: string
  readonly options: readonly OptionShape[]
  /** What its first argument may be. */
  readonly argument: Offer
}

/** All commands and options that the help of `program` shows. */
export function shapeOf(program: Command): CommandShape[] {
  const help = program.createHelp()
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    help: command.summary() || command.description(),
    options: help.visibleOptions(command).map(optionShape),
    argument:
      command.name() === 'help'
        ? { kind: 'words', words: program.commands.map((each) => each.name()) }
        : argumentOffer(command.registeredArguments[0]),
  }))
}

function optionShape(option: Option): OptionShape {
  const names = option.flags.split(/[ ,|]+/).filter((part) => part.startsWith('-'))
  const help = option.description.replace(/ \((?:default|env|choices): .*\)$/, '')
  return { names, help, value: option.required ? valueOffer(option) : undefined }
}

function valueOffer(option: Option): Offer {
  if (option.argChoices) return { kind: 'words', words: option.argChoices }
  if (option.flags.endsWith('<file>')) return { kind: 'file' }
  return option.flags.endsWith('<folder>') ? { kind: 'folder' } : { kind: 'nothing' }
}

function argumentOffer(argument: Argument | undefined): Offer {
  return argument?.argChoices ? { kind: 'words', words: argument.argChoices } : { kind: 'nothing' }
}
