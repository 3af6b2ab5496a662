import type { Command } from 'commander'
import { DfhfError } from '../base/errors.ts'

/** The shells that `dfhf completion` knows. */
export const shells: readonly string[] = []

/** A script for `shell`, made from the program itself so that it knows just what that knows. */
export function completionScript(_program: Command, shell: string): string {
  throw new DfhfError('usage', `no completion for '${shell}'`)
}
