import type { Command } from 'commander'
import { DfhfError } from '../../base/errors.ts'
import { bashScript } from './completion-bash.ts'
import { fishScript } from './completion-fish.ts'
import { shapeOf } from './completion-shape.ts'
import { zshScript } from './completion-zsh.ts'

const writers = { bash: bashScript, zsh: zshScript, fish: fishScript }

/** The shells that `dfhf completion` knows. */
export const shells: readonly string[] = Object.keys(writers)

/** A script for `shell`, made from the program itself so that it knows just what that knows. */
export function completionScript(program: Command, shell: string): string {
  for (const [name, write] of Object.entries(writers)) if (name === shell) return write(shapeOf(program))
  throw new DfhfError('usage', `no completion for '${shell}'`)
}
