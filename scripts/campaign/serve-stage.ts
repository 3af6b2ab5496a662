import { checkFolder } from './check-files.ts'
import { Dice } from './dice.ts'
import { rotBlob } from './disk.ts'
import type { StageTimes } from './download-stage.ts'
import { askOnce, type ClientOptions, type Form, getWhole } from './gateway-client.ts'
import { pauseFor } from './hostile/hostile-peer.ts'
import { openNetwork } from './peer-network.ts'
import {
  boundOf,
  judgeEnd,
  machineOf,
  type Peaks,
  ports,
  type RunContext,
  stopDaemon,
  within,
} from './run-context.ts'
import { type Doors, steal, stealAtTheEnd } from './thief.ts'
import type { TrueFile } from './truth.ts'
import { Victim, type VictimMachine } from './victim.ts'
import { repoIds } from './world.ts'

const ALONE_CAP_MS = 60_000
const START_MS = 30_000
/** How long the Hub's response about a file on a branch may count for one client, and a moment. */
const WORD_COUNTS_MS = 10_500

interface Node {
  readonly machine: VictimMachine
  readonly gateway: string
  readonly flags: readonly string[]
  daemon: Victim
}

/** Lets clients fetch through daemons, first without peers and then among them, and judges all of it. */
export async function serveStages(context: RunContext, peaks: Peaks): Promise<StageTimes> {
  const { world, slack } = context
  const { plan } = world
  const host = (index: number) => world.address(5 + index)
  world.resetHub()
  const aloneNodes = await openNodes(context, 'alone', () => ['--no-peers'], host)
  const alone = await clientsOf(context, aloneNodes, ALONE_CAP_MS * slack)
  await closeNodes(context, aloneNodes, peaks)
  if ('pending' in alone) {
    world.findings.add('no end alone', `clients of daemons without peers wait for ${alone.pending}`)
    return { aloneMs: undefined, withPeersMs: undefined }
  }
  const aloneMs = alone.ms
  await using network = await openNetwork(context, { count: plan.victims, peaks, seedMachine: undefined })
  world.resetHub()
  const nodes = await openNodes(context, 'node', (index) => network.flagsOf(index), host)
  const stop = new AbortController()
  const doors = { peers: () => network.victims, gateways: () => nodes.map(({ gateway }) => gateway) }
  const thief = steal(world, doors, new Dice(plan.seed ^ 0x7e1f), stop.signal)
  const bound = boundOf(aloneMs, context)
  const trouble = troubleOf(context, nodes, aloneMs, peaks)
  const end = await clientsOf(context, nodes, context.onlyReportsTimes ? bound * 3 : bound)
  await trouble
  if ('pending' in end)
    world.findings.add(
      'past the bound',
      `after ${bound.toFixed(0)} ms, ${aloneMs.toFixed(0)} ms without peers, clients wait for ${end.pending}`,
    )
  stop.abort()
  await thief
  if ('ms' in end) await searchAtTheEnd(context, doors)
  if (plan.turnsPrivate) await askAfterTurn(context, nodes)
  if (plan.process.kind === 'rot') await askAfterRot(context, nodes, plan.process.at, peaks)
  await closeNodes(context, nodes, peaks)
  return { aloneMs, withPeersMs: 'ms' in end ? end.ms : bound }
}

/** With the Hub at its best, so that no attempt waits for it. */
async function searchAtTheEnd({ world }: RunContext, doors: Doors): Promise<void> {
  world.hub.faults.clear()
  world.hub.faults.setRates({})
  await stealAtTheEnd(world, doors, new Dice(world.plan.seed), AbortSignal.timeout(60_000))
}

async function openNodes(
  context: RunContext,
  name: string,
  peering: (index: number) => readonly string[],
  hostOf: (index: number) => string,
): Promise<Node[]> {
  const { plan, memberToken } = context.world
  return Promise.all(
    Array.from({ length: plan.victims }, async (_, index) => {
      const host = hostOf(index)
      const gateway = `${host}:${ports.gateway}`
      const flags = [
        '--gateway',
        gateway,
        '--allow-host',
        `http://${context.world.address(3)}`,
        ...(plan.hasHonestSeed ? ['--fetch-for-peers'] : []),
        ...peering(index),
      ]
      // A daemon with a token of its own must not use it for its clients.
      const machine = machineOf(context, `${name}${index}`, {
        token: plan.seed % 3 === 0 ? memberToken : undefined,
      })
      return { machine, gateway, flags, daemon: await startNode(context, machine, flags, gateway) }
    }),
  )
}

async function startNode(
  context: RunContext,
  machine: VictimMachine,
  flags: readonly string[],
  gateway: string,
): Promise<Victim> {
  const daemon = await Victim.start(machine, ['serve', ...flags])
  const port = gateway.split(':')[1] ?? ''
  const isReady = await within(
    START_MS * context.slack,
    daemon.said(`:${port}`).then(
      () => true,
      () => false,
    ),
  )
  if (!isReady)
    context.world.findings.add('campaign', `${machine.name} did not start: ${daemon.stderr.slice(0, 400)}`)
  return daemon
}

async function closeNodes(context: RunContext, nodes: readonly Node[], peaks: Peaks): Promise<void> {
  const { findings, watch } = context.world
  for (const { daemon, machine } of nodes) {
    await stopDaemon(context, daemon, peaks)
    const ignoring = new Set(spoilt.get(machine))
    checkFolder(machine, { findings, watch, mayHavePartials: true, ignoring })
  }
}

const spoilt = new WeakMap<VictimMachine, readonly string[]>()

/** The time of all clients, or what they still waited for when it was up. */
type ClientsEnd = { readonly ms: number } | { readonly pending: string }

/** Has every client get every file through its daemon. */
async function clientsOf(context: RunContext, nodes: readonly Node[], capMs: number): Promise<ClientsEnd> {
  const { world } = context
  const { plan, truth, memberToken } = world
  const started = performance.now()
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), capMs)
  const dice = new Dice(plan.seed ^ 0xc11e)
  const jobs: Promise<boolean>[] = []
  const pending = new Set<string>()
  const get = async (file: TrueFile, client: ClientOptions): Promise<boolean> => {
    const what = `${client.gateway} ${file.repo}/${file.path} by ${client.form}`
    pending.add(what)
    const isDone = await getWhole(file, client)
    if (isDone) pending.delete(what)
    return isDone
  }
  for (const node of nodes) {
    for (const form of ['mirror', 'proxy'] as const) {
      const member = clientOf(context, node, { form, token: memberToken, signal: stop.signal })
      const anonymous = clientOf(context, node, { form, token: undefined, signal: stop.signal })
      const files = dice.some(truth.of(repoIds[plan.visibility]), 1, 4)
      jobs.push(inTurn(files, (file) => get(file, member)))
      if (form === 'mirror') jobs.push(inTurn(hiddenOf(context), (file) => get(file, member)))
      jobs.push(
        inTurn(files, (file) => askForRanges(file, file.visibility === 'public' ? anonymous : member, dice)),
      )
    }
  }
  const done = await Promise.all(jobs)
  clearTimeout(timer)
  if (done.every((isGood) => isGood)) return { ms: performance.now() - started }
  return { pending: [...pending].join(', ') }
}

function clientOf(
  context: RunContext,
  { gateway }: Node,
  who: { readonly form: Form; readonly token: string | undefined; readonly signal: AbortSignal },
): ClientOptions {
  const { hub, findings, truth } = context.world
  return { gateway, hubUrl: hub.url, findings, truth, ...who }
}

/** The files of the private and the gated repo, so that thieves find them at the daemon. */
function hiddenOf({ world }: RunContext): TrueFile[] {
  return world.truth.files.filter(({ visibility, path }) => visibility !== 'public' && path === 'secret.bin')
}

async function inTurn(
  files: readonly TrueFile[],
  act: (file: TrueFile) => Promise<boolean>,
): Promise<boolean> {
  for (const file of files) if (!(await act(file))) return false
  return true
}

/** A few ranges, right or refused: what comes is compared where it is asked for. */
async function askForRanges(file: TrueFile, options: ClientOptions, dice: Dice): Promise<boolean> {
  if (file.bytes.length === 0) return true
  for (let count = 0; count < 3 && !options.signal.aborted; count += 1) {
    const offset = dice.integer(0, file.bytes.length - 1)
    await askOnce(file, options, {
      offset,
      length: Math.min(dice.integer(1, 3_000_000), file.bytes.length - offset),
    })
  }
  return true
}

/** What the plan does to the first daemon while the clients are at it. */
async function troubleOf(
  context: RunContext,
  nodes: readonly Node[],
  aloneMs: number,
  peaks: Peaks,
): Promise<void> {
  const { process: trouble } = context.world.plan
  const [node] = nodes
  if (!node || (trouble.kind !== 'kill' && trouble.kind !== 'stop')) return
  await pauseFor(new AbortController().signal, trouble.at * aloneMs)
  if (trouble.kind === 'stop') {
    node.daemon.kill('SIGSTOP')
    await pauseFor(new AbortController().signal, trouble.forMs)
    node.daemon.kill('SIGCONT')
    return
  }
  node.daemon.kill('SIGKILL')
  await judgeEnd(context, node.daemon, peaks, true)
  node.daemon = await startNode(context, node.machine, node.flags, node.gateway)
}

/** The public repo turns private, and a response of the Hub for another repo fails: no client without a token gets its files. */
async function askAfterTurn(context: RunContext, nodes: readonly Node[]): Promise<void> {
  const { world } = context
  world.turnPrivate()
  const signal = AbortSignal.timeout(40_000)
  await pauseFor(signal, WORD_COUNTS_MS)
  world.hub.addFault({ match: { side: 'hub', target: 'mallory' }, times: 3, status: 500 })
  for (const node of nodes) {
    await fetch(`http://${node.gateway}/mallory/names/resolve/main/none`, { signal }).then(
      (answer) => answer.arrayBuffer(),
      () => {},
    )
    for (const form of ['mirror', 'proxy'] as const) {
      const anonymous = clientOf(context, node, { form, token: undefined, signal })
      for (const file of world.truth.of(repoIds.public))
        await askOnce({ ...file, visibility: 'private' }, anonymous, { offset: 0 })
    }
  }
}

/** A blob of the store changes on the disk in place: its bytes may not go out, before a restart or after it. */
async function askAfterRot(
  context: RunContext,
  nodes: readonly Node[],
  at: number,
  peaks: Peaks,
): Promise<void> {
  const { world } = context
  const [node] = nodes
  if (!node) return
  const files = world.truth
    .of(repoIds[world.plan.visibility])
    .filter(({ oid }) => rotBlob(`${node.machine.home}/dfhf/store`, oid, at))
  spoilt.set(
    node.machine,
    files.map(({ oid }) => oid),
  )
  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await stopDaemon(context, node.daemon, peaks)
      node.daemon = await startNode(context, node.machine, node.flags, node.gateway)
    }
    const client = clientOf(context, node, {
      form: 'mirror',
      token: world.memberToken,
      signal: AbortSignal.timeout(30_000 * context.slack),
    })
    for (const file of files) await askOnce(file, client, { offset: 0 })
  }
}
