import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A user's machine on which nothing of Hugging Face was ever used; gone when disposed. */
export interface Machine extends Disposable {
  /** HOME, and the working folder. */
  readonly folder: string
  /** Where the Hugging Face cache will be. */
  readonly cache: string
  /** The whole environment: nothing of this process's own but PATH. */
  readonly env: Readonly<Record<string, string>>
}

/** A fresh machine that knows one Hub and no peers. */
export function newMachine(endpoint: string): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-machine-'))
  return {
    folder,
    cache: join(folder, 'hf/hub'),
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      HF_HOME: join(folder, 'hf'),
      HF_ENDPOINT: endpoint,
      DFHF_NO_PEERS: '1',
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
