import type { CommandShape, Offer } from './completion-shape.ts'

/** A completion script for bash 3.2 and later. */
export function bashScript(commands: readonly CommandShape[]): string {
  const names = commands.map((command) => command.name).join(' ')
  const values = commands.flatMap((command) =>
    command.options.flatMap(({ names, value }) =>
      value ? [`    ${patterns(command.name, names)}) ${offer(value)}; return ;;`] : [],
    ),
  )
  const words = commands.map((command) => {
    const options = command.options.flatMap((option) => option.names).join(' ')
    return `    ${command.name}) options='${options}'; arguments='${argumentWords(command)}' ;;`
  })
  return `# bash completion for dfhf: source <(dfhf completion bash)
_dfhf() {
  local IFS=$' \\t\\n' options='' arguments=''
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names} --help --version' -- "$current"))
    return
  fi
  case "$command $previous" in
${values.join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$arguments" -- "$current")) ;;
  esac
}
complete -F _dfhf dfhf
`
}

function patterns(command: string, names: readonly string[]): string {
  return names.map((name) => `'${command} ${name}'`).join('|')
}

function argumentWords({ argument }: CommandShape): string {
  return argument.kind === 'words' ? argument.words.join(' ') : ''
}

function offer(value: Offer): string {
  switch (value.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${value.words.join(' ')}' -- "$current"))`
    case 'nothing':
      return ':'
    default:
      return `compopt -o filenames 2>/dev/null; IFS=$'\\n'; COMPREPLY=($(compgen -${value.kind === 'file' ? 'f' : 'd'} -- "$current"))`
  }
}
