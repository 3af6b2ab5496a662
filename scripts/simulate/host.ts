import type { Bitmap } from '../../src/blob/bitmap.ts'
import type { Oid } from '../../src/blob/oid.ts'
import type { PeerId } from '../../src/swarm/protocol/peer-info.ts'
import type { Link, Rack } from './network.ts'

/** A host as others see it on the network. */
export interface Host {
  readonly id: PeerId
  readonly up: Link
  /** Undefined where all hosts reach each other alike. */
  readonly rack: Rack | undefined
  /** From it to the middle of the network, in ms. */
  readonly latencyMs: number
  /** What it really has. */
  readonly pieces: Bitmap
  /** Takes its share from the Hub, and says so. */
  readonly asksHub: boolean
  readonly isDead: boolean
  /** Answers nothing from now on. */
  readonly isSilent: boolean
  /** Claims to have everything and has nothing. */
  readonly isLiar: boolean
  /** Ranges that it sends now. */
  uploads: number
  fetchingFromHub(): readonly number[]
  /** Lets a host hear the news from now on; false when it does not answer, or as many as may listen do. */
  addWatcher(watcher: Watcher): boolean
  removeWatcher(watcher: Watcher): void
}

/** What has changed at a host. */
export interface News {
  readonly landed: readonly number[]
  /** Undefined when that is still the same. */
  readonly fetching: readonly number[] | undefined
}

/** A host that hears another one's news. */
export interface Watcher {
  readonly id: PeerId
  /** The blob whose news it hears. */
  readonly oid: Oid
  hear(host: Host, news: News): void
  /** The stream of news broke. */
  lost(host: Host): void
}
