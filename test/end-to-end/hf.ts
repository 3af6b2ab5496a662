import { clientVersions } from '../python/client-versions.ts'
import { RealClient } from '../python/real-client.ts'
import { clientEnv } from '../python/run-python.ts'
import { canRunPython, ensureVenv } from '../python/venv.ts'
import type { Machine } from './machine.ts'

/** Whether huggingface_hub can be run beside dfhf. */
export const hasHf = canRunPython()

/** How huggingface_hub is run on a machine. */
export interface HfOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Gives the program to start in place of Python. */
  readonly wrap?: (python: string) => string
}

/** What huggingface_hub gives for a snapshot on a machine: the path, or the names of its error's classes. */
export async function hfSnapshot(
  machine: Machine,
  arguments_: Readonly<Record<string, unknown>>,
  { env = {}, wrap = (python) => python }: HfOptions = {},
): Promise<string | readonly string[]> {
  const python = await ensureVenv('hub-2', clientVersions['hub-2'])
  const endpoint = machine.env.HF_ENDPOINT ?? ''
  const around = {
    ...clientEnv({ endpoint, home: machine.folder }),
    HF_HUB_DISABLE_SYMLINKS_WARNING: '1',
    ...env,
  }
  const [result] = await new RealClient(wrap(python), around).batch([
    { verb: 'snapshot', arguments: arguments_ },
  ])
  return result?.error ? result.error.classes : String(result?.value)
}
