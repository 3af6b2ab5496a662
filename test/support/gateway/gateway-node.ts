import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningDfhf, startDfhf } from '../program/binary.ts'
import { type Machine, newMachine } from '../program/machine.ts'
import { withDeadline } from './deadline.ts'

/** How a node is run: what is absent is a node alone with one Hub. */
export interface NodeOptions {
  /** More flags of `dfhf serve`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A command before dfhf, such as `ip netns exec name`. */
  readonly prefix?: readonly string[]
  /** Takes part in swarms, with these peers to begin with. @default no peers at all */
  readonly seeds?: readonly string[]
  /** Where gateway and peer API listen. @default '127.0.0.1' */
  readonly host?: string
}

/** A machine on which the built `dfhf serve` runs; killed when disposed. */
export interface GatewayNode extends AsyncDisposable {
  /** What clients take for HF_ENDPOINT or for their proxy. */
  readonly url: string
  /** Where peers reach it; undefined for a node without peers. */
  readonly peerAddress: string | undefined
  readonly machine: Machine
  readonly running: RunningDfhf
  /** Most bytes that its process ever held in memory, from /proc. */
  peakMemory(): number
}

/** Starts `dfhf serve` on a fresh machine and waits until its gateway answers. */
export async function startNode(endpoint: string, options: NodeOptions = {}): Promise<GatewayNode> {
  const { args = [], host = '127.0.0.1', seeds } = options
  const peering = seeds ? ['--listen', `${host}:0`, '--no-multicast'] : ['--no-peers']
  const flags = ['--gateway', `${host}:0`, ...peering, ...(seeds?.length ? ['--seeds', seeds.join()] : [])]
  await using stack = new AsyncDisposableStack()
  const machine = stack.use(newMachine(endpoint))
  const running = stack.use(
    await startDfhf(machine, ['serve', ...flags, ...args], {
      env: { DFHF_NO_PEERS: undefined, ...options.env },
      ...(options.prefix && { prefix: options.prefix }),
    }),
  )
  const url = await withDeadline(
    running.told(/^.*Hub mirror and proxy on (http:\S+)\n/m),
    20_000,
    () => `dfhf serve says nothing of its gateway:\n${running.stderr()}`,
  )
  const peerPort = / to peers on port (\d+)/.exec(running.stderr())?.[1]
  const all = stack.move()
  return {
    url,
    peerAddress: seeds && peerPort ? `${host}:${peerPort}` : undefined,
    machine,
    running,
    peakMemory: () => peakMemoryOf(running.pid),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** A fresh HOME for a client, in the folder of a machine. */
export function clientHome(machine: Machine, name: string): string {
  return join(machine.folder, 'clients', name)
}

function peakMemoryOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) * 1024
}
