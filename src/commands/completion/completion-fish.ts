import type { CommandShape, Offer, OptionShape } from './completion-shape.ts'

/** A completion script for fish. */
export function fishScript(commands: readonly CommandShape[]): string {
  const lines = commands.flatMap((command) => {
    const inside = `complete -c dfhf -n '__fish_seen_subcommand_from ${command.name}'`
    return [
      `complete -c dfhf -n __fish_use_subcommand -a ${command.name} -d ${quote(command.help)}`,
      ...command.options.map((option) => `${inside} ${optionText(option)}`),
      ...(command.argument.kind === 'words'
        ? [`${inside} -a ${quote(command.argument.words.join(' '))}`]
        : []),
    ]
  })
  return `# fish completion for dfhf: dfhf completion fish | source
complete -c dfhf -f
${lines.join('\n')}
`
}

function optionText({ names, help, value }: OptionShape): string {
  const spellings = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  )
  return [...spellings, ...valueText(value), `-d ${quote(help)}`].join(' ')
}

function valueText(value: Offer | undefined): string[] {
  switch (value?.kind) {
    case undefined:
      return []
    case 'words':
      return [`-x -a ${quote(value.words.join(' '))}`]
    case 'file':
      return ['-r -F']
    case 'folder':
      return ["-x -a '(__fish_complete_directories)'"]
    case 'nothing':
      return ['-x']
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
