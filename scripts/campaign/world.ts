import type { RepoSpec } from '../../test/support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../test/support/hub/test-hub.ts'
import { Dice } from './dice.ts'
import { Findings } from './finding.ts'
import { listenRaw, type RawServer } from './hostile/raw-http.ts'
import type { Plan } from './plan.ts'
import type { Visibility } from './planned-file.ts'
import { SecretWatch } from './secret-watch.ts'
import { noise } from './true-bytes.ts'
import { Truth } from './truth.ts'

/** The repos of every run; the victims want the one of the plan's visibility. */
export const repoIds: Readonly<Record<Visibility, string>> = {
  public: 'camp/open',
  private: 'camp/hush-hush',
  gated: 'camp/by-licence',
}
/** A public repo whose files are named as private blobs. */
export const attackerRepo = 'mallory/names'

/** Everything of a run that is not a dfhf or a hostile peer. */
export interface World extends AsyncDisposable {
  readonly plan: Plan
  readonly hub: TestHub
  readonly truth: Truth
  readonly findings: Findings
  readonly watch: SecretWatch
  /** A user who may have everything. */
  readonly memberToken: string
  /** A user who may have nothing but what is public. */
  readonly outsiderToken: string
  readonly clusterKey: string
  /** A host that is neither Hub nor CDN, `host:port`. */
  readonly stranger: string
  /** An address of this run's own; 1 and 2 are the Hub's and its CDN's. */
  address(number: number): string
  /** Sets the Hub's troubles anew, as at the start of the run. */
  resetHub(): void
  /** Puts the repos back to how they were. */
  turnPrivate(): void
}

const hiddenFiles = [{ path: 'secret.bin', size: 1_300_000, isLfs: true }] as const

/** Starts the Hub of a run. `slot` keeps runs at the same time apart: from 0 to 99. */
export async function openWorld(plan: Plan, slot: number): Promise<World> {
  const dice = new Dice(plan.seed ^ 0x5eed)
  const hex = () =>
    dice
      .integer(0, 2 ** 31)
      .toString(16)
      .padStart(8, '0') + dice.integer(0, 2 ** 31).toString(16)
  const memberToken = `hf_member${hex()}`
  const outsiderToken = `hf_outsider${hex()}`
  const clusterKey = `key-of-the-cluster-${hex()}${hex()}`
  const truth = new Truth(plan.hub.flatMap(({ faults }) => faults.flatMap(({ flip = [] }) => flip)))
  const specs = makeRepos(plan, truth)
  const findings = new Findings()
  const secrets = [memberToken, outsiderToken, clusterKey]
  const names = [
    repoIds.private,
    ...truth.files.flatMap(({ visibility, path }) => (visibility === 'private' ? [path] : [])),
  ].filter((name) => name.length > 9)
  const watch = new SecretWatch(findings, {
    secrets,
    names: plan.visibility === 'private' ? [...names] : [repoIds.private],
  })
  // Campaigns that run side by side have process ids near each other.
  const net = 100 + (Math.floor(process.pid / 200) % 15) * 10 + Math.floor(slot / 10)
  const address = (number: number) => `127.${net}.${(process.pid % 200) + 20}.${(slot % 10) * 25 + number}`
  const hub = await startTestHub({
    host: address(1),
    cdnHost: address(2),
    repos: specs,
    users: [
      { name: 'member', token: memberToken, access: Object.values(repoIds) },
      { name: 'outsider', token: outsiderToken },
    ],
  })
  const stranger = openStranger(address(3), watch, truth)
  const timers = new Set<Timer>()
  return {
    plan,
    hub,
    truth,
    findings,
    watch,
    memberToken,
    outsiderToken,
    clusterKey,
    stranger: `${address(3)}:${stranger.port}`,
    address,
    resetHub() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      for (const spec of specs) hub.repos.add(spec)
      hub.faults.clear()
      hub.resetStats()
      hub.faults.setRates(plan.rates)
      for (const trouble of plan.hub) {
        for (const fault of trouble.faults) hub.addFault(fault)
        if (trouble.strayRedirect) hub.addFault(strayRedirect(stranger, address(3)))
        if (trouble.expireAfterMs !== undefined)
          timers.add(setTimeout(() => hub.signer.expireAll(), trouble.expireAfterMs))
        if (trouble.down) goDown(hub, trouble.down, timers)
      }
    },
    turnPrivate() {
      const spec = specs.find(({ id }) => id === repoIds.public)
      if (!spec) return
      hub.repos.add({ ...spec, private: true })
      for (const file of truth.of(spec.id)) truth.windows.add(file.bytes)
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer)
      stranger[Symbol.dispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

function makeRepos(plan: Plan, truth: Truth): RepoSpec[] {
  const visibilities = ['public', 'private', 'gated'] as const
  for (const visibility of visibilities) {
    const files = visibility === plan.visibility ? plan.files : hiddenFiles
    for (const file of files)
      truth.add(repoIds[visibility], visibility, file, `${plan.seed} ${visibility} ${file.path}`)
  }
  // The confused deputy: an oid is no permission, and a file of that name and size elsewhere is none either.
  const hidden = truth.files.filter(
    ({ visibility, isLfs, bytes }) => visibility !== 'public' && isLfs && bytes.length > 0,
  )
  for (const { oid, bytes } of hidden) {
    const lie = noise(`${plan.seed} lie ${oid}`, bytes.length)
    truth.addBytes(attackerRepo, 'public', { path: oid, isLfs: true, bytes: lie })
    truth.addBytes(attackerRepo, 'public', { path: `repos/${oid}`, isLfs: true, bytes: lie })
  }
  const spec = (id: string, options: Partial<RepoSpec>): RepoSpec => ({
    id,
    commits: [
      Object.fromEntries(truth.of(id).map(({ path, bytes, isLfs }) => [path, { bytes, lfs: isLfs }])),
    ],
    ...options,
  })
  return [
    spec(repoIds.public, {}),
    spec(repoIds.private, { private: true }),
    spec(repoIds.gated, { gated: 'manual' }),
    spec(attackerRepo, {}),
  ]
}

/**
 * A host that is neither Hub nor CDN. It keeps what it is told, and has a file of the right size, with other bytes,
 * under the name of every blob.
 */
function openStranger(host: string, watch: SecretWatch, truth: Truth): RawServer {
  return listenRaw(host, async (exchange) => {
    watch.lookAsStranger(exchange.text, `a host that is neither Hub nor CDN (${host})`)
    const [path = ''] = exchange.target.split('?')
    const size = truth.blob(path.split('/').at(-1) ?? '')?.length ?? 5
    await exchange.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\naccept-ranges: bytes\r\n\r\n`)
    return exchange.method === 'HEAD' || exchange.write(new Uint8Array(size).fill(0x46))
  })
}

function strayRedirect(stranger: RawServer, host: string) {
  return {
    match: { side: 'hub', kind: 'resolve', method: 'GET' },
    times: 1,
    status: 302,
    headers: { Location: `http://${host}:${stranger.port}/elsewhere` },
  } as const
}

function goDown(
  hub: TestHub,
  { afterMs, forMs }: { readonly afterMs: number; readonly forMs: number },
  timers: Set<Timer>,
): void {
  const both = (act: (side: 'hub' | 'cdn') => void) => () => (['hub', 'cdn'] as const).forEach(act)
  timers.add(
    setTimeout(
      both((side) => hub.stop(side)),
      afterMs,
    ),
  )
  timers.add(
    setTimeout(
      both((side) => hub.start(side)),
      afterMs + forMs,
    ),
  )
}
