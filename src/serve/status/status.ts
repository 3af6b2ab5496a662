import type { Repo } from '../../repo/repo.ts'

/** What a blob is called on the page; empty for a private repo. */
export interface Label {
  readonly repo?: string
  readonly path?: string
}

/** All that the status page shows, as it goes over the wire. Sizes in bytes, rates in bytes and times in seconds. */
export interface Status {
  readonly version: string
  readonly uptime: number
  readonly hub: { readonly host: string; readonly isUp: boolean }
  /** `saved` came from peers, or from this disk to clients, and would have come from the Hub otherwise. */
  readonly bytes: Readonly<Record<'hub' | 'peers' | 'uploaded' | 'clients' | 'saved', number>>
  readonly store: { readonly used: number; readonly quota: number; readonly blobs: number }
  /** `cells` are the letters of `pieceMap`. */
  readonly transfers: readonly (Label & {
    readonly id: number
    readonly size: number
    readonly done: number
    readonly rate: number
    readonly cells: string
  })[]
  readonly peers: readonly {
    readonly name: string
    readonly received: number
    readonly sent: number
    readonly download: number
    readonly upload: number
  }[]
  readonly recent: readonly (Label & {
    readonly size: number
    readonly ms: number
    readonly hub: number
    readonly ago: number
  })[]
  readonly errors: readonly {
    readonly about: Label | undefined
    readonly text: string
    readonly ago: number
  }[]
  /** How many more there are than are told. */
  readonly hidden: { readonly transfers: number; readonly peers: number }
}

/** Where the rest is looked up when a viewer is there. */
export interface StatusSources {
  readonly version: string
  readonly hubHost: string
  readonly isHubUp: () => boolean
  readonly store: () => Status['store']
  /** The names of the live peers, each once. */
  readonly peers: () => readonly string[]
  /** Whether all viewers may see the repo's name; must answer at once. */
  readonly isKnownPublic: (repo: Repo) => boolean
}
