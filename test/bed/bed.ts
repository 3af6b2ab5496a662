import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileResult } from '../../src/transfer/transfer-event.ts'
import { dfhfBinary } from '../end-to-end/binary.ts'
import { falconRepo } from '../hub/fixtures.ts'
import { type HubProcess, startHubProcess } from '../hub/hub-process.ts'
import { BedNetwork, type Node } from './network.ts'
import { RunningDownload } from './running-download.ts'

const REPO = falconRepo({ weightsSize: 0 }).id
const FILE = 'pytorch_model.bin'

/** What to lay out. */
export interface BedOptions {
  readonly hosts: number
  /** Of each host's link, both ways. @default 200 */
  readonly linkMbit?: number
  /** @default 100 */
  readonly hubMbit?: number
  /** Of the one blob, in MiB. */
  readonly mib: number
}

/** How a download is run on a host. */
export interface DownloadOptions {
  readonly args?: readonly string[]
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

  static async open({ hosts: count, linkMbit = 200, hubMbit = 100, mib }: BedOptions): Promise<Bed> {
    await using stack = new AsyncDisposableStack()
    const binary = await dfhfBinary()
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
  download(host: Node, { args = [] }: DownloadOptions = {}): RunningDownload {
    const home = join(this.#folder, host.namespace)
    const command = [...host.prefix, this.#binary, 'download', REPO, FILE, '--json', ...args]
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      HF_HOME: join(home, 'hf'),
      HF_ENDPOINT: this.hub.url,
    }
    return this.#stack.use(new RunningDownload(command, env))
  }

  /** Bytes of the blob that the Hub has sent, cut answers included. */
  async hubBytes(): Promise<number> {
    return (await this.hub.stats()).cdn.bodyBytes
  }

  /** Throws unless the file at a result's path has the right bytes. */
  async check({ path, oid }: FileResult): Promise<void> {
    const hash = new Bun.CryptoHasher('sha256')
    for await (const chunk of Bun.file(path).stream()) hash.update(chunk)
    const found = hash.digest('hex')
    if (found !== oid) throw new Error(`${path} hashes to ${found}, not to ${oid}`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}
