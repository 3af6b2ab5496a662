import { BoundedMap } from '../../base/bounded-map.ts'

interface Ban {
  readonly reason: string
  readonly until: number
}

const MAX_BANS = 4096

/** Names that are shut out until a moment, with the reason; bounded, the oldest ban gives way. */
export class BanList {
  readonly #bans = new BoundedMap<string, Ban>(MAX_BANS)

  add(key: string, reason: string, until: number): void {
    this.#bans.set(key, { reason, until })
  }

  /** Why `key` is shut out at the moment `now`; undefined when it is not. */
  reasonFor(key: string, now: number): string | undefined {
    const ban = this.#bans.get(key)
    return ban && ban.until > now ? ban.reason : undefined
  }

  /** Drops what has expired. */
  sweep(now: number): void {
    for (const [key, ban] of this.#bans) if (ban.until <= now) this.#bans.delete(key)
  }
}
