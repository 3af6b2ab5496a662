import { DfhfError } from '../base/errors.ts'
import type { CommandContext } from './commands.ts'
import type { ServeOptions } from './options.ts'

export async function serveCommand(_options: ServeOptions, _context: CommandContext): Promise<void> {
  throw new DfhfError('unexpected', 'not yet')
}
