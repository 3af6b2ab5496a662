import type { CommandShape, Offer, OptionShape } from './completion-shape.ts'

/** A completion script for zsh; works sourced and as a file `_dfhf` in fpath. */
export function zshScript(commands: readonly CommandShape[]): string {
  const described = commands.map(({ name, help }) => `    ${quote(`${name}:${help}`)}`)
  const cases = commands.map((command) => {
    const specs = [...command.options.flatMap(optionSpecs), `*:: :${action(command.argument)}`]
    return `    ${command.name})\n      _arguments -S \\\n${specs.map((spec) => `        ${quote(spec)}`).join(' \\\n')}\n      ;;`
  })
  return `#compdef dfhf
# zsh completion for dfhf: source <(dfhf completion zsh)
_dfhf() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case \${words[1]} in
${cases.join('\n')}
  esac
}
if [ "\${funcstack[1]}" = _dfhf ]; then
  _dfhf "$@"
else
  # A shell whose user has set up no completion yet has no compdef.
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
  compdef _dfhf dfhf
fi
`
}

function optionSpecs({ names, help, value }: OptionShape): string[] {
  const about = `[${help.replace(/([\\[\]:])/g, '\\$1')}]`
  return names.map((name) => (value ? `*${name}${about}: :${action(value)}` : `*${name}${about}`))
}

function action(offer: Offer): string {
  switch (offer.kind) {
    case 'words':
      return `(${offer.words.join(' ')})`
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'nothing':
      return ' '
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
