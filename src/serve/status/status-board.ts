import { BoundedMap } from '../../base/bounded-map.ts'
import { type ErrorClass, errorRow } from '../../base/error-table.ts'
import type { LocatedBlob } from '../../peer/located-blob.ts'
import { repoName } from '../../repo/repo.ts'
import type { RunningTransfer } from '../../transfer/transfer-engine.ts'
import type { TransferEvent } from '../../transfer/transfer-event.ts'
import { pieceMap } from './piece-map.ts'
import { Rates } from './rates.ts'
import type { Label, Status, StatusSources } from './status.ts'

/** How much of everything is shown at the most. */
const MOST_CELLS = 160
const MOST_TRANSFERS = 30
const MOST_PEERS = 50
const MOST_RECENT = 10
const MOST_ERRORS = 10
const MOST_PEERS_COUNTED = 1_000

/** Why a fetch failed, in words that name nothing: an error's own message may hold a private repo's name. */
const failures: Readonly<Record<ErrorClass, string>> = {
  internal: 'an unexpected error; the log says more',
  usage: 'the request made no sense',
  denied: 'the Hub does not let the asker have it',
  missing: 'it is not on the Hub',
  offline: 'it is not here, and the Hub may not be asked',
  corrupt: 'its bytes are not what they must be',
  malformed: 'a response made no sense',
  network: 'the way to the other side is cut or too slow',
  hub: 'the Hub cannot answer now',
  peer: 'no peer gave it',
  disk: 'the disk failed or has no room',
  stopped: 'it was stopped',
}

/** What is shown of a transfer. */
type ShownTransfer = Pick<RunningTransfer, 'size' | 'pieces' | 'counters'>

interface Fetch {
  readonly blob: LocatedBlob
  readonly transfer: ShownTransfer
}

interface Recent {
  readonly blob: LocatedBlob
  readonly atMs: number
  readonly ms: number
  readonly hub: number
}

interface Failure {
  readonly blob: LocatedBlob | undefined
  readonly text: string
  readonly atMs: number
}

/** Gathers what the status page shows, as bounded as the page: what happens adds to counts, and a look puts them together. */
export class StatusBoard {
  readonly #now: () => number
  readonly #startedMs: number
  readonly #fetches = new Map<number, Fetch>()
  readonly #recent: Recent[] = []
  readonly #failures: Failure[] = []
  readonly #received = new BoundedMap<string, number>(MOST_PEERS_COUNTED)
  readonly #sent = new BoundedMap<string, number>(MOST_PEERS_COUNTED)
  readonly #rates: Rates
  readonly #bytes = { hub: 0, peers: 0, local: 0, uploaded: 0, clients: 0, notFetched: 0 }

  /** `now` is a clock in ms that only goes up. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#rates = new Rates(now)
    this.#startedMs = now()
  }

  /** A fetch into the store has begun. */
  began(id: number, blob: LocatedBlob, transfer: ShownTransfer): void {
    this.#fetches.set(id, { blob, transfer })
  }

  observe(event: TransferEvent): void {
    if (event.type === 'bytes') {
      this.#bytes[event.kind] += event.count
      if (event.kind === 'peers') add(this.#received, event.source, event.count)
    } else if (event.type === 'task-done') this.#done(event)
    else if (event.type === 'file-failed') this.#failed(event)
    else if (event.type === 'wrong-bytes') {
      const what = event.of === 'piece' ? 'a piece' : 'the whole'
      this.#note(event.id, `${what} came with wrong bytes`)
    }
  }

  /** A client of the gateway has asked for bytes. */
  served({ from, size }: { readonly from: string; readonly size: number }): void {
    this.#bytes.clients += size
    if (from === 'hit' || from === 'join') this.#bytes.notFetched += size
  }

  uploaded({ to, size }: { readonly to: string; readonly size: number }): void {
    this.#bytes.uploaded += size
    add(this.#sent, to, size)
  }

  /** How all stands now. Names of files and repos are those of public repos alone. */
  look(sources: StatusSources): Status {
    const { hub, peers, uploaded, clients, notFetched } = this.#bytes
    const live = sources.peers()
    const fetches = [...this.#fetches]
    const ago = (atMs: number) => Math.round((this.#now() - atMs) / 1000)
    this.#rates.begin()
    return {
      version: sources.version,
      uptime: ago(this.#startedMs),
      hub: { host: sources.hubHost, isUp: sources.isHubUp() },
      bytes: { hub, peers, uploaded, clients, saved: peers + notFetched },
      store: sources.store(),
      transfers: fetches.slice(0, MOST_TRANSFERS).map(([id, { blob, transfer }]) => {
        const { size, pieces, counters } = transfer
        const { bytes } = counters
        const rate = this.#rates.of(`transfer ${id}`, bytes.hub + bytes.peers)
        const cells = pieceMap(pieces, MOST_CELLS)
        const done = Math.round((size * pieces.bitmap.count) / Math.max(1, pieces.size))
        return { id, ...labelOf(blob, sources), size, done, rate, cells }
      }),
      peers: live.slice(0, MOST_PEERS).map((name) => {
        const received = this.#received.get(name) ?? 0
        const sent = this.#sent.get(name) ?? 0
        const download = this.#rates.of(`from ${name}`, received)
        return { name, received, sent, download, upload: this.#rates.of(`to ${name}`, sent) }
      }),
      recent: this.#recent.map(({ blob, atMs, ms, hub: fromHub }) => {
        return { ...labelOf(blob, sources), size: blob.size, ms, hub: fromHub, ago: ago(atMs) }
      }),
      errors: this.#failures.map(({ blob, text, atMs }) => {
        return { about: blob && labelOf(blob, sources), text, ago: ago(atMs) }
      }),
      hidden: {
        transfers: Math.max(0, fetches.length - MOST_TRANSFERS),
        peers: Math.max(0, live.length - MOST_PEERS),
      },
    }
  }

  #done({ id, ms, bytes }: Extract<TransferEvent, { type: 'task-done' }>): void {
    const blob = this.#fetches.get(id)?.blob
    this.#fetches.delete(id)
    if (!blob) return
    this.#recent.unshift({ blob, atMs: this.#now(), ms, hub: bytes.hub })
    this.#recent.splice(MOST_RECENT)
  }

  #failed({ id, code = 'unexpected' }: Extract<TransferEvent, { type: 'file-failed' }>): void {
    if (code !== 'cancelled') this.#note(id, failures[errorRow(code).class])
    this.#fetches.delete(id)
  }

  #note(id: number, text: string): void {
    this.#failures.unshift({ blob: this.#fetches.get(id)?.blob, text, atMs: this.#now() })
    this.#failures.splice(MOST_ERRORS)
  }
}

function add(counts: BoundedMap<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

/** What a blob may be called before every viewer: nothing, unless all may see its repo. */
function labelOf({ repo, path }: LocatedBlob, { isKnownPublic }: StatusSources): Label {
  if (!repo || !isKnownPublic(repo)) return {}
  return { repo: repoName(repo), ...(path !== undefined && { path }) }
}
