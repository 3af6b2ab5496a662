import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type RunningDfhf, startDfhf } from '../../test/support/program/binary.ts'
import { type Machine, newMachine } from '../../test/support/program/machine.ts'
import { type StoredFiles, storedFiles } from './stored-files.ts'

/** What one process takes of the machine. */
export interface Footprint {
  readonly residentBytes: number
  readonly handles: number
  /** Files that are held open though their names are gone. */
  readonly deletedFiles: readonly string[]
}

/** What every daemon of a run is given. */
export interface DaemonOptions {
  readonly endpoint: string
  readonly quota: number
  /** Its address for peers, and those of the others. */
  readonly listen: string
  readonly seeds: readonly string[]
}

/** A `dfhf serve` that is stopped, killed and started again on one machine. */
export class Daemon implements AsyncDisposable {
  readonly #options: DaemonOptions
  readonly #machine: Machine
  #running: RunningDfhf | undefined
  #url: string | undefined

  constructor(options: DaemonOptions) {
    this.#options = options
    this.#machine = newMachine(options.endpoint)
  }

  /** Its gateway; undefined while it is away. */
  get url(): string | undefined {
    return this.#url
  }

  async start(): Promise<void> {
    const { quota, listen, seeds } = this.#options
    const limits = ['--store-dir', this.#store, '--store-quota', String(quota), '--min-free', '0']
    const peering = ['--listen', listen, '--no-multicast', '--seeds', seeds.join()]
    const args = ['serve', '--gateway', '127.0.0.1:0', ...peering, ...limits]
    this.#running = await startDfhf(this.#machine, args, { env: { DFHF_NO_PEERS: undefined } })
    this.#url = await this.#running.told(/^.*Hub mirror and proxy on (http:\S+)\n/m)
  }

  /** Ends it and returns how it ended; what it warned of goes to `hear`. */
  async end(signal: 'SIGTERM' | 'SIGKILL', hear: (stderr: string) => void): Promise<number> {
    this.#url = undefined
    this.#running?.kill(signal)
    const result = await this.#running?.result
    this.#running = undefined
    hear(result?.stderr ?? '')
    return result?.code ?? 0
  }

  stored(): StoredFiles {
    return storedFiles(this.#store)
  }

  /** From /proc; undefined while it is away. */
  footprint(): Footprint | undefined {
    const pid = this.#running?.pid
    if (pid === undefined) return undefined
    const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
    return {
      // A process that is just ending has none.
      residentBytes: Number(kibibytes ?? 0) * 1024,
      handles: links.length,
      deletedFiles: links.filter((link) => link.startsWith(this.#store) && link.endsWith(' (deleted)')),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]()
    this.#machine[Symbol.dispose]()
  }

  get #store(): string {
    return join(this.#machine.folder, 'store')
  }
}

/** Addresses that no process listens on now: daemons know each other by them before they start. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const addresses = servers.map(async (server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  })
  const found = await Promise.all(addresses)
  for (const server of servers) server.close()
  return found
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
