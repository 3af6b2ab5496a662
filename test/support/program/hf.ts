import { clientVersions } from '../python/client-versions.ts'
import { type ClientCall, type ClientResult, RealClient } from '../python/real-client.ts'
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
  options: HfOptions = {},
): Promise<string | readonly string[]> {
  const result = await call(machine, { verb: 'snapshot', arguments: arguments_ }, options)
  return result?.error ? result.error.classes : String(result?.value)
}

/** The same for one file. */
export async function hfDownload(
  machine: Machine,
  arguments_: Readonly<Record<string, unknown>>,
  options: HfOptions = {},
): Promise<string | readonly string[]> {
  const result = await call(machine, { verb: 'download', arguments: arguments_ }, options)
  if (!result || result.error) return result?.error?.classes ?? []
  const { path } = result.value as { readonly path: string }
  return path
}

async function call(
  machine: Machine,
  asked: ClientCall,
  { env = {}, wrap = (python) => python }: HfOptions,
): Promise<ClientResult | undefined> {
  const python = await ensureVenv('hub-2', clientVersions['hub-2'])
  const endpoint = machine.env.HF_ENDPOINT ?? ''
  const around = {
    ...clientEnv({ endpoint, home: machine.folder }),
    HF_HUB_DISABLE_SYMLINKS_WARNING: '1',
    ...env,
  }
  const [result] = await new RealClient(wrap(python), around).batch([asked])
  return result
}
