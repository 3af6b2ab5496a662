import { join } from 'node:path'
import { runPython } from './run-python.ts'

/** A call of huggingface_hub by the verbs of client_calls.py; arguments are named as in Python. */
export interface ClientCall {
  readonly verb:
    | 'version'
    | 'download'
    | 'snapshot'
    | 'tree'
    | 'info'
    | 'paths_info'
    | 'refs'
    | 'commits'
    | 'whoami'
    | 'scan'
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** What came of a call; an error with the names of its class and all base classes. */
export type ClientResult =
  | { readonly value: unknown; readonly error?: undefined }
  | {
      readonly value?: undefined
      readonly error: { readonly classes: readonly string[]; readonly message: string }
    }

/** Where a file of the Hub is; the names are Python's because they go there as they are. */
export interface RemoteRepo {
  readonly repo_id: string
  readonly repo_type?: string
  readonly revision?: string
}

/** What scan_cache_dir found. */
export interface CacheScan {
  readonly warnings: readonly string[]
  readonly repos: readonly { id: string; type: string; refs: readonly string[]; files: number }[]
}

/** One installed huggingface_hub in one environment; all calls of a batch run in one process, in order. */
export class RealClient {
  readonly #python: string
  readonly #env: Readonly<Record<string, string>>

  constructor(python: string, env: Readonly<Record<string, string>>) {
    this.#python = python
    this.#env = env
  }

  async batch(calls: readonly ClientCall[]): Promise<ClientResult[]> {
    const script = join(import.meta.dir, 'client_calls.py')
    const { stdout } = await runPython(this.#python, script, this.#env, { stdin: JSON.stringify(calls) })
    return JSON.parse(stdout) as ClientResult[]
  }

  /** Downloads a snapshot into a cache folder and returns the snapshot's folder. */
  async snapshot(cacheDir: string, repo: RemoteRepo, options: object = {}): Promise<string> {
    return (await this.#value({
      verb: 'snapshot',
      arguments: { cache_dir: cacheDir, ...repo, ...options },
    })) as string
  }

  /** Downloads one file into a cache folder. */
  async download(
    cacheDir: string,
    repo: RemoteRepo,
    filename: string,
  ): Promise<{ path: string; sha256: string }> {
    const call: ClientCall = { verb: 'download', arguments: { cache_dir: cacheDir, ...repo, filename } }
    return (await this.#value(call)) as { path: string; sha256: string }
  }

  async scan(cacheDir: string): Promise<CacheScan> {
    return (await this.#value({ verb: 'scan', arguments: { cache_dir: cacheDir } })) as CacheScan
  }

  /** The sha256 of each file as the client finds it in the cache without any network. */
  async resolveOffline(
    cacheDir: string,
    repo: RemoteRepo,
    filenames: readonly string[],
  ): Promise<Record<string, string>> {
    const offline = new RealClient(this.#python, { ...this.#env, HF_HUB_OFFLINE: '1' })
    const results = await offline.batch(
      filenames.map((filename) => ({
        verb: 'download',
        arguments: { cache_dir: cacheDir, ...repo, filename },
      })),
    )
    return Object.fromEntries(
      results.map((result, index) => [
        filenames[index] ?? '',
        result.error ? `error: ${result.error.message}` : (result.value as { sha256: string }).sha256,
      ]),
    )
  }

  async #value(call: ClientCall): Promise<unknown> {
    const [result] = await this.batch([call])
    if (!result || result.error) throw new Error(`${call.verb}: ${result?.error.message}`)
    return result.value
  }
}
