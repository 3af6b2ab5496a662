import type { Outcome } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { downloadCommand } from './download-command.ts'
import type { SnapshotOptions } from './options.ts'
import { orderWarm } from './order-warm.ts'

/** `dfhf snapshot`: onto this machine, or with `--on` into the store of another node. */
export async function snapshotCommand(options: SnapshotOptions, context: CommandContext): Promise<Outcome> {
  if (options.on === undefined) return downloadCommand(options, context)
  return { kind: 'remote', result: await orderWarm(options.on, options, context) }
}
