import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkFolder, checkLocalFolder, checkPrinted } from './check-files.ts'
import { Dice } from './dice.ts'
import { mountDisk, rotBlob } from './disk.ts'
import { openNetwork, type PeerNetwork } from './peer-network.ts'
import { isHubToBlame, sizeOf, wantedFiles } from './plan.ts'
import { boundOf, judgeEnd, machineOf, type Peaks, type RunContext, within } from './run-context.ts'
import { steal } from './thief.ts'
import type { TrueFile } from './truth.ts'
import { Victim, type VictimMachine } from './victim.ts'
import { repoIds } from './world.ts'

const ALONE_CAP_MS = 60_000

/** How the stages of a run took their time. */
export interface StageTimes {
  /** The slowest victim without peers; undefined when that did not end. */
  readonly aloneMs: number | undefined
  /** The slowest victim with them; undefined when there was no such stage. */
  readonly withPeersMs: number | undefined
}

/** Lets the victims download, first without peers and then among them, and judges all of it. */
export async function downloadStages(context: RunContext, peaks: Peaks): Promise<StageTimes> {
  const stage = new DownloadStage(context, peaks)
  const alone = await stage.alone()
  if (!alone) return { aloneMs: undefined, withPeersMs: undefined }
  return { aloneMs: alone.ms, withPeersMs: await stage.amongPeers(alone) }
}

interface Alone {
  readonly ms: number
  readonly isGood: boolean
  readonly machine: VictimMachine | undefined
}

class DownloadStage {
  readonly #context: RunContext
  readonly #peaks: Peaks
  readonly #wanted: readonly TrueFile[]

  constructor(context: RunContext, peaks: Peaks) {
    this.#context = context
    this.#peaks = peaks
    const { plan, truth } = context.world
    const paths = new Set(wantedFiles(plan).map(({ path }) => path))
    this.#wanted = truth.of(repoIds[plan.visibility]).filter(({ path }) => paths.has(path))
  }

  /** All victims at once without peers: they share the Hub as they will among peers. */
  async alone(): Promise<Alone | undefined> {
    const { world, slack } = this.#context
    world.resetHub()
    const machines = Array.from({ length: world.plan.victims }, (_, index) => this.#machine(`alone${index}`))
    const ends = await Promise.all(
      machines.map(async (machine) => {
        await using victim = await Victim.start(machine, this.#args(['--no-peers']))
        const end = await within(ALONE_CAP_MS * slack, victim.ended)
        if (!end) {
          world.findings.add(
            'no end alone',
            `${machine.name}: no end in ${ALONE_CAP_MS * slack} ms; ${progressOf(victim.stderr)}`,
          )
          victim.kill('SIGKILL')
        }
        await this.#judge(victim, !end)
        return end
      }),
    )
    if (ends.includes(undefined)) return undefined
    const isGood = ends.every((end) => end?.code === 0)
    return {
      ms: Math.max(...ends.map((end) => end?.ms ?? 0)),
      isGood,
      machine: isGood && !world.plan.isLocalDir ? machines[0] : undefined,
    }
  }

  async amongPeers(alone: Alone): Promise<number> {
    const { world } = this.#context
    const { plan } = world
    const stop = new AbortController()
    await using network = await openNetwork(this.#context, {
      count: plan.victims,
      peaks: this.#peaks,
      seedMachine: plan.hasHonestSeed ? alone.machine : undefined,
    })
    world.resetHub()
    const doors = { peers: () => network.victims, gateways: () => [] }
    const thief = steal(world, doors, new Dice(plan.seed ^ 0x7e1f), stop.signal)
    const journeys = Array.from({ length: plan.victims }, (_, index) => this.#journey(index, network, alone))
    const times = await Promise.all(journeys)
    stop.abort()
    await thief
    return Math.max(...times)
  }

  /** One victim's way among the peers; gives the time of the try that counts. */
  async #journey(index: number, network: PeerNetwork, alone: Alone): Promise<number> {
    const { world, folder } = this.#context
    const trouble = index === 0 ? world.plan.process : ({ kind: 'none' } as const)
    const name = `victim${index}`
    const flags = network.flagsOf(index)
    const size = sizeOf(wantedFiles(world.plan))
    using disk =
      trouble.kind === 'full-disk'
        ? mountDisk(join(folder, name), 600_000 + Math.floor(size * trouble.room))
        : undefined
    const machine = this.#machine(name)
    if (disk) {
      await using victim = await Victim.start(machine, this.#args(flags))
      await this.#wait(victim, { ...alone, isGood: false })
      disk.grow(size * 3 + 20_000_000)
    }
    if (trouble.kind === 'kill') await this.#killOne(machine, flags, trouble.at * alone.ms)
    await using victim = await Victim.start(machine, this.#args(flags))
    const pause = trouble.kind === 'stop' ? trouble.forMs : 0
    const timer =
      trouble.kind === 'stop'
        ? setTimeout(() => pauseProcess(victim, trouble.forMs), trouble.at * alone.ms)
        : undefined
    const ms = await this.#wait(victim, alone, pause)
    clearTimeout(timer)
    if (trouble.kind === 'rot') await this.#rot(machine, flags, alone, trouble.at)
    return ms
  }

  async #killOne(machine: VictimMachine, flags: readonly string[], afterMs: number): Promise<void> {
    await using victim = await Victim.start(machine, this.#args(flags))
    const end = await within(afterMs, victim.ended)
    victim.kill('SIGKILL')
    await this.#judge(victim, !end)
  }

  /** After a blob rotted on the disk, the same command may fail or say that it did not check it, but not that it did. */
  async #rot(machine: VictimMachine, flags: readonly string[], alone: Alone, at: number): Promise<void> {
    const spoilt = this.#wanted.find(({ oid }) => rotBlob(machine.cache, oid, at))
    if (!spoilt) return
    await using victim = await Victim.start(machine, this.#args(flags))
    const end = await within(boundOf(alone.ms, this.#context), victim.ended)
    if (!end) victim.kill('SIGKILL')
    await judgeEnd(this.#context, victim, this.#peaks, !end)
    const { findings } = this.#context.world
    for (const { path, verified } of printedFiles((await victim.ended).stdout))
      if (verified && path.endsWith(`/${spoilt.path}`) && !readFileSync(path).equals(spoilt.bytes))
        findings.add(
          'rotten blob',
          `${machine.name}: a blob changed in place was printed as verified: ${path}`,
        )
  }

  async #wait(victim: Victim, alone: Alone, pausedMs = 0): Promise<number> {
    const { world, onlyReportsTimes } = this.#context
    const bound = boundOf(alone.ms, this.#context) + pausedMs
    const end = await within(onlyReportsTimes ? bound * 3 : bound, victim.ended)
    const { name } = victim.machine
    if (!end) {
      world.findings.add(
        'past the bound',
        `${name}: no end in ${bound.toFixed(0)} ms, alone ${alone.ms.toFixed(0)} ms; ${progressOf(victim.stderr)}`,
      )
      victim.kill('SIGKILL')
    } else if (alone.isGood && end.code !== 0 && !isHubToBlame(world.plan, end.code)) {
      world.findings.add(
        'exit code',
        `${name}: ${end.code} among peers where 0 alone; ${end.stderr.trimEnd().split('\n').at(-1)?.slice(0, 300)}`,
      )
    }
    await this.#judge(victim, !end)
    return (end?.ms ?? bound) - pausedMs
  }

  async #judge(victim: Victim, wasKilled: boolean): Promise<void> {
    const { findings, watch, plan } = this.#context.world
    await judgeEnd(this.#context, victim, this.#peaks, wasKilled)
    const { code, stdout } = await victim.ended
    const { machine } = victim
    checkFolder(machine, { findings, watch, mayHavePartials: code !== 0 })
    if (plan.isLocalDir) checkLocalFolder(join(machine.folder, 'here'), this.#wanted, findings)
    if (code !== 0) return
    const printed = printedFiles(stdout)
    for (const file of this.#wanted) {
      const path = printed.map((each) => each.path).find((candidate) => candidate.endsWith(`/${file.path}`))
      if (path === undefined)
        findings.add(
          'messages',
          `${machine.name} ended well and did not print ${file.path}: ${stdout.slice(0, 300)}`,
        )
      else checkPrinted(path, file, findings)
    }
  }

  #machine(name: string): VictimMachine {
    const { world } = this.#context
    const token = world.plan.visibility === 'public' ? undefined : world.memberToken
    return machineOf(this.#context, name, { token })
  }

  #args(peering: readonly string[]): string[] {
    const { command, visibility, connections, isLocalDir } = this.#context.world.plan
    const file = command === 'download' ? this.#wanted.map(({ path }) => path) : []
    return [
      command,
      repoIds[visibility],
      ...file,
      '--json',
      ...(connections === undefined ? [] : ['--connections', String(connections)]),
      ...(isLocalDir ? ['--local-dir', 'here'] : []),
      ...peering,
    ]
  }
}

function pauseProcess(victim: Victim, ms: number): void {
  victim.kill('SIGSTOP')
  setTimeout(() => victim.kill('SIGCONT'), ms)
}

/** A file in what `--json` prints. */
interface PrintedFile {
  readonly path: string
  readonly verified: boolean
}

function printedFiles(stdout: string): readonly PrintedFile[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      const result = JSON.parse(line) as PrintedFile & { readonly files?: readonly PrintedFile[] }
      return result.files ?? [result]
    })
}

/** The last that a process told of its progress. */
function progressOf(stderr: string): string {
  return stderr.trimEnd().split('\n').slice(-1).join().slice(0, 400)
}
