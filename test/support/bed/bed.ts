import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileResult } from '../../../src/transfer/transfer-event.ts'
import { falconRepo } from '../hub/fixtures.ts'
import { type HubProcess, startHubProcess } from '../hub/hub-process.ts'
import { dfhfBinary } from '../program/binary.ts'
import { BedNetwork, type Node } from './network.ts'
import { RunningDfhf } from './running-dfhf.ts'

const REPO = falconRepo({ weightsSize: 0 }).id
const FILE = 'pytorch_model.bin'

/** What can run on a host besides dfhf. */
export type BedProgram = 'evil-peer.ts' | 'inventor.ts' | 'relaying-peer.ts'

/** What to lay out. */
export interface BedOptions {
  readonly hosts: number
  /** Of each host's link, both ways. @default 200 */
  readonly linkMbit?: number
  /** @default 100 */
  readonly hubMbit?: number
  /** Of the one blob, in MiB. */
  readonly mib: number
  /** What the hosts run. @default dfhfBinary */
  readonly binary?: string
}

/** A Hub and hosts with shaped links, and a blob that the hosts want. */
export class Bed implements AsyncDisposable {
  readonly size: number
  readonly hubNode: Node
  readonly hosts: readonly Node[]
  readonly hub: HubProcess
  readonly #folder: string
  readonly #binary: string
  readonly #stack: AsyncDisposableStack

  private constructor(parts: {
    readonly size: number
    readonly hubNode: Node
    readonly hosts: readonly Node[]
    readonly hub: HubProcess
    readonly folder: string
    readonly binary: string
    readonly stack: AsyncDisposableStack
  }) {
    this.size = parts.size
    this.hubNode = parts.hubNode
    this.hosts = parts.hosts
    this.hub = parts.hub
    this.#folder = parts.folder
    this.#binary = parts.binary
    this.#stack = parts.stack
  }

  static async open({ hosts: count, linkMbit = 200, hubMbit = 100, mib, ...rest }: BedOptions): Promise<Bed> {
    await using stack = new AsyncDisposableStack()
    const { binary = await dfhfBinary() } = rest
    const size = mib * 2 ** 20
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-bed-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const network = stack.use(await BedNetwork.open())
    const hubNode = await network.addNode({ mbit: hubMbit, addresses: 2 })
    const hosts: Node[] = []
    for (let n = 0; n < count; n += 1) hosts.push(await network.addNode({ mbit: linkMbit }))
    const [host = '', cdnHost = ''] = hubNode.addresses
    const flags = ['--host', host, '--cdn-host', cdnHost, '--falcon', String(size)]
    const hub = stack.use(await startHubProcess(flags, hubNode.prefix))
    return new Bed({ size, hubNode, hosts, hub, folder, binary, stack: stack.move() })
  }

  /** Starts `dfhf download` of the blob on a host, into that host's own cache. */
  download(host: Node, args: readonly string[] = []): RunningDfhf {
    return this.#run(host, ['download', REPO, FILE, '--json', ...args])
  }

  /** Starts `dfhf serve` on a host, on that host's own cache; resolves when peers can ask it. */
  async serve(host: Node, args: readonly string[] = []): Promise<RunningDfhf> {
    const serving = this.#run(host, ['serve', ...args])
    await serving.said('to peers on port')
    return serving
  }

  /** Runs a program of the bed's own, by its file here, on a host; resolves when it has printed a line. */
  async startProgram(host: Node, program: BedProgram, args: readonly string[]): Promise<void> {
    const command = [process.execPath, join(import.meta.dir, program), ...args]
    const child = Bun.spawn([...host.prefix, ...command], { stdout: 'pipe', stderr: 'inherit' })
    this.#stack.defer(async () => {
      child.kill('SIGKILL')
      await child.exited
    })
    const { value } = await child.stdout.getReader().read()
    if (!value) throw new Error(`${command.join(' ')} ended at once`)
  }

  /** Bytes of the blob that the Hub has sent, cut answers included. */
  async hubBytes(): Promise<number> {
    return (await this.hub.stats()).cdn.bodyBytes
  }

  /** Waits for all to print and to end; throws unless each ended well with the right bytes. */
  async finish(downloads: readonly RunningDfhf[]): Promise<FileResult[]> {
    const results = await Promise.all(downloads.map(async ({ printed }) => (await printed).result))
    for (const exit of await Promise.all(downloads.map((download) => download.exit)))
      if (exit.code !== 0) throw new Error(`dfhf ended with ${exit.code}:\n${exit.stderr}`)
    for (const result of results) await this.#check(result)
    return results
  }

  async #check({ path, oid }: FileResult): Promise<void> {
    const hash = new Bun.CryptoHasher('sha256')
    for await (const chunk of Bun.file(path).stream()) hash.update(chunk)
    const found = hash.digest('hex')
    if (found !== oid) throw new Error(`${path} hashes to ${found}, not to ${oid}`)
  }

  #run(host: Node, args: readonly string[]): RunningDfhf {
    const home = join(this.#folder, host.namespace)
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      HF_HOME: join(home, 'hf'),
      HF_ENDPOINT: this.hub.url,
    }
    return this.#stack.use(new RunningDfhf([...host.prefix, this.#binary, ...args], env))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}
