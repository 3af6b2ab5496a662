import { HostilePeer } from './hostile/hostile-peer.ts'
import { conductsOf } from './hostile/kinds.ts'
import { machineOf, type Peaks, ports, type RunContext, stopDaemon, within } from './run-context.ts'
import { Victim, type VictimMachine } from './victim.ts'
import { repoIds } from './world.ts'

const HONEST = 10
const FIRST_HOSTILE = 11
const START_MS = 30_000

/** The peers around the victims of one stage. */
export interface PeerNetwork extends AsyncDisposable {
  /** The flags with which victim `index` of the stage takes part. */
  flagsOf(index: number): string[]
  /** The peer API of each victim, `host:port`. */
  readonly victims: readonly string[]
}

/** Starts the hostile peers and, from the cache of `seedMachine`, the honest seed. */
export async function openNetwork(
  context: RunContext,
  options: {
    readonly count: number
    readonly peaks: Peaks
    readonly seedMachine?: VictimMachine | undefined
  },
): Promise<PeerNetwork> {
  const { world } = context
  const { plan, truth } = world
  const stop = new AbortController()
  await using stack = new AsyncDisposableStack()
  stack.defer(() => stop.abort())
  const hosts = Array.from({ length: options.count }, (_, index) => world.address(5 + index))
  const victims = hosts.map((host) => `${host}:${ports.peers}`)
  const honest: string[] = [...victims]
  const oids = truth.of(repoIds[plan.visibility]).map(({ oid }) => oid)
  const hostile = plan.hostiles.flatMap((kind, index) =>
    conductsOf(kind, oids).map((conduct) => {
      const around = {
        host: world.address(FIRST_HOSTILE + index),
        truth,
        watch: world.watch,
        signal: stop.signal,
        honest: () => honest,
        inspect: (bytes: Uint8Array, where: string) => {
          if (truth.windows.find(bytes) !== undefined)
            world.findings.add('private bytes', `${where}, got private bytes`)
        },
      }
      return stack.use(new HostilePeer(conduct, around))
    }),
  )
  const seed = options.seedMachine && (await startHonestSeed(context, options.seedMachine))
  if (seed) {
    stack.defer(() => stopDaemon(context, seed.daemon, options.peaks))
    honest.push(seed.address)
  }
  const all = stack.move()
  return {
    victims,
    flagsOf(index) {
      const own = victims[index] ?? ''
      // Hostile peers first: a victim that asks in this order meets them first.
      const seeds = [...hostile.map(({ address }) => address), ...honest.filter((address) => address !== own)]
      return [
        '--listen',
        own,
        '--advertise',
        own,
        '--no-multicast',
        ...(seeds.length > 0 ? ['--seeds', seeds.join()] : []),
      ]
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function startHonestSeed(
  context: RunContext,
  { folder }: VictimMachine,
): Promise<{ readonly daemon: Victim; readonly address: string }> {
  const { world } = context
  const host = world.address(HONEST)
  const address = `${host}:${ports.peers}`
  const name = folder.split('/').at(-1) ?? ''
  const machine = { ...machineOf(context, name, { token: world.memberToken }), name: 'honest-seed' }
  const daemon = await Victim.start(machine, [
    'serve',
    '--gateway',
    'off',
    '--listen',
    address,
    '--advertise',
    address,
    '--no-multicast',
  ])
  const isReady = await within(
    START_MS * context.slack,
    daemon.said(' to peers on port').then(() => true),
  )
  if (!isReady) world.findings.add('campaign', `the honest seed did not start: ${daemon.stderr}`)
  return { daemon, address }
}
