import { countOf } from '../base/count-of.ts'
import { delay } from '../base/delay.ts'
import type { Log } from '../base/log.ts'
import { formatSize } from '../base/size.ts'
import { isCommit, type Oid } from '../blob/oid.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import type { PinNote, PinNotes } from '../storage/store/pin-notes.ts'
import type { BlobStore } from '../storage/store/store.ts'
import { planWarm, runWarm, type WarmParts } from './warm-store.ts'

/** How often the Hub is asked whether a pinned branch or tag moved, in ms. */
const LOOK_EVERY_MS = 300_000
/** After a failure it is asked again sooner, in ms. */
const RETRY_MS = 30_000

/** A revision of a repo that a node always has. */
export interface Pin {
  readonly repo: Repo
  readonly revision: string
}

/** What pins are kept with. */
export interface PinnedReposParts extends Omit<WarmParts, 'signal'> {
  readonly pins: readonly Pin[]
  readonly store: Pick<BlobStore, 'keep'>
  readonly notes: Pick<PinNotes, 'read' | 'write'>
  /** The oids of all blobs that are here. */
  readonly present: () => ReadonlySet<Oid>
  readonly log: Log
  /** @default 300_000 */
  readonly lookEveryMs?: number
}

/** Fetches the blobs of pinned revisions, keeps them from being evicted, and follows branches and tags that move. */
export class PinnedRepos implements AsyncDisposable {
  readonly #parts: PinnedReposParts
  readonly #notes = new Map<string, PinNote>()
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  private constructor(parts: PinnedReposParts) {
    this.#parts = parts
  }

  /** Keeps at once what an earlier run noted as pinned, and begins to look, until it is disposed. */
  static async start(parts: PinnedReposParts): Promise<PinnedRepos> {
    const pinned = new PinnedRepos(parts)
    const names = new Set(parts.pins.map(nameOf))
    for (const note of await parts.notes.read()) if (names.has(note.name)) pinned.#notes.set(note.name, note)
    pinned.#keep()
    pinned.#running = pinned.#run()
    return pinned
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { pins, log, lookEveryMs = LOOK_EVERY_MS } = this.#parts
    const { signal } = this.#stop
    while (!signal.aborted) {
      let hasFailed = false
      for (const pin of pins) {
        try {
          await this.#bring(pin)
        } catch (error) {
          if (signal.aborted) return
          hasFailed = true
          const why = error instanceof Error ? error.message : String(error)
          log.warn(`pinned ${nameOf(pin)} is not all here: ${why}`)
        }
      }
      await delay(hasFailed ? Math.min(RETRY_MS, lookEveryMs) : lookEveryMs, { signal }).catch(() => {})
    }
  }

  async #bring(pin: Pin): Promise<void> {
    const { hub, present, log } = this.#parts
    const { signal } = this.#stop
    const name = nameOf(pin)
    const before = this.#notes.get(name)
    if (before?.oids.every((oid) => present().has(oid))) {
      if (isCommit(pin.revision)) return
      const { commit } = await hub.resolveRevision(pin.repo, pin.revision, { signal })
      if (commit === before.commit) return
    }
    const order = { ...pin, include: undefined, exclude: [] }
    const plan = await planWarm(order, { ...this.#parts, signal })
    const oids = [...new Set(plan.files.filter(({ size }) => size > 0).map(({ oid }) => oid))]
    // Until all of the new commit is here, what is here of the old one stays too.
    this.#keep([...(before?.oids ?? []), ...oids])
    await runWarm(plan, { ...this.#parts, signal }, async () => {})
    this.#notes.set(name, { name, commit: plan.commit, oids })
    this.#keep()
    await this.#parts.notes.write([...this.#notes.values()])
    log.info(`pinned ${name}: ${countOf(plan.files.length, 'file')}, ${formatSize(plan.size)}, all here`)
  }

  #keep(more: readonly Oid[] = []): void {
    const noted = [...this.#notes.values()].flatMap(({ oids }) => oids)
    this.#parts.store.keep(new Set([...noted, ...more]))
  }
}

/** `org/name@revision`. */
function nameOf({ repo, revision }: Pin): string {
  return `${repoName(repo)}@${revision}`
}
