import type { Outcome } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { downloadCommand } from './download-command.ts'
import { orderWarm } from './order-warm.ts'
import type { SnapshotOptions } from './settings/options.ts'

/** `dfhf snapshot`: onto this machine, or with `--on` into the store of another node. */
export async function snapshotCommand(options: SnapshotOptions, context: CommandContext): Promise<Outcome> {
  if (options.on === undefined) return downloadCommand(options, context)
  return { kind: 'remote', result: await orderWarm(options.on, options, context) }
}
