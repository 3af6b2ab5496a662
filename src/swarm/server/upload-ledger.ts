/** Bounds of what is sent to peers at once. */
export interface UploadLimits {
  /** Uploads in all. */
  readonly total: number
  /** Uploads to one address. */
  readonly perPeer: number
}

/** How one request reached this process. */
export interface Connection {
  /** The other side's IP address and port; together they name the connection. */
  readonly address: string
  readonly port: number
  /** How many requests the server has not finished, this one included; undefined when it cannot tell. */
  readonly pending: () => number | undefined
  /** Keeps the connection open while nothing moves on it: for held replies alone. */
  readonly stayOpen?: () => void
}

/**
 * Counts uploads. The runtime does not say when a file slice has been sent, so an upload counts until the next
 * request on its connection, until it is released, or until the server's own count shows that it must be over.
 */
export class UploadLedger {
  readonly #limits: UploadLimits
  /** By connection, oldest first. */
  readonly #uploads = new Map<string, { readonly address: string }>()
  /** Requests under way that are no uploads. */
  #others = 0

  constructor(limits: UploadLimits) {
    this.#limits = limits
  }

  get limit(): number {
    return this.#limits.total
  }

  /** Uploads under way as far as is known. */
  active(pending?: number): number {
    const listed = this.#uploads.size
    return pending === undefined ? listed : Math.max(0, Math.min(listed, pending - this.#others))
  }

  /** Notes a request that is no upload; call the result when its reply has ended. */
  holdOther(): () => void {
    this.#others += 1
    let isHeld = true
    return () => {
      if (isHeld) this.#others -= 1
      isHeld = false
    }
  }

  /** Takes a place for an upload and returns its release, or undefined when there is none for this peer now. */
  admit(connection: Connection): (() => void) | undefined {
    const key = `${connection.address}/${connection.port}`
    this.#uploads.delete(key)
    // The request at hand is pending too.
    const pending = connection.pending()
    const active = this.active(pending === undefined ? undefined : pending - 1)
    if (active === 0) this.#uploads.clear()
    const ended = this.#uploads.size - active
    if (active >= this.#limits.total) return undefined
    if (this.#countOf(connection.address) - ended >= this.#limits.perPeer) return undefined
    const upload = { address: connection.address }
    this.#uploads.set(key, upload)
    this.#trim()
    return () => {
      if (this.#uploads.get(key) === upload) this.#uploads.delete(key)
    }
  }

  #countOf(address: string): number {
    let count = 0
    for (const upload of this.#uploads.values()) if (upload.address === address) count += 1
    return count
  }

  /** Entries beyond twice the limit belong to connections that closed long ago. */
  #trim(): void {
    for (const key of this.#uploads.keys()) {
      if (this.#uploads.size <= 2 * this.#limits.total) return
      this.#uploads.delete(key)
    }
  }
}
