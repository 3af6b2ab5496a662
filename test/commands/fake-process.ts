import { EventEmitter } from 'node:events'
import type { Environment } from '../../src/base/environment.ts'
import type { CommandContext, Commands } from '../../src/commands/commands.ts'
import { type Io, run } from '../../src/commands/run.ts'
import type {
  CacheOptions,
  DownloadOptions,
  ServeOptions,
  SnapshotOptions,
} from '../../src/commands/settings/options.ts'
import type { Outcome } from '../../src/ui/outcome.ts'
import { MemoryOutput } from '../ui/memory-output.ts'
import { fileResult } from '../ui/sample-events.ts'

/** What a run of the command line left behind. */
export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A process that is none: arguments and variables in, texts and exit code out. */
export class FakeProcess {
  readonly stdout = new MemoryOutput()
  readonly stderr = new MemoryOutput()
  readonly signals = new EventEmitter()
  readonly exits: number[] = []
  /** The options that each command got. */
  readonly calls: {
    command: string
    options: DownloadOptions | SnapshotOptions | ServeOptions | CacheOptions
  }[] = []

  async run(
    argv: readonly string[],
    options: { readonly env?: Environment; readonly commands?: Partial<Commands> } = {},
  ): Promise<Run> {
    const io: Io = {
      argv,
      env: { HOME: '/h', ...options.env },
      stdout: this.stdout,
      stderr: this.stderr,
      signals: this.signals,
      exit: (code) => this.exits.push(code),
      version: '1.2.3',
      configDir: async () => '/nowhere/dfhf',
    }
    const code = await run(io, { ...this.#commands(), ...options.commands })
    return { code, stdout: this.stdout.text, stderr: this.stderr.text }
  }

  #commands(): Commands {
    const done =
      (command: string) =>
      async (given: DownloadOptions | SnapshotOptions | CacheOptions): Promise<Outcome> => {
        this.calls.push({ command, options: given })
        return { kind: 'file', result: fileResult(10) }
      }
    return {
      download: done('download'),
      snapshot: done('snapshot'),
      cache: done('cache'),
      serve: async (given) => {
        this.calls.push({ command: 'serve', options: given })
      },
    }
  }
}

/** Waits until the run is told to stop, then fails as an aborted wait does. */
export function untilAborted({ signal }: CommandContext): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}
