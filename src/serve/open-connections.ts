import type { TransferEvent } from '../transfer/transfer-event.ts'

interface Connections {
  readonly hub: number
  readonly peers: number
}

/** How many connections bring bytes for all transfers together. */
export class OpenConnections {
  readonly #byTransfer = new Map<number, Connections>()

  /** Takes note of what a transfer says of its connections, and forgets it when it ends. */
  observe(event: TransferEvent): void {
    if (event.type === 'connections') this.#byTransfer.set(event.id, { hub: event.hub, peers: event.peers })
    else if (event.type === 'task-done' || event.type === 'file-failed') this.#byTransfer.delete(event.id)
  }

  /** Connections of one kind now. */
  of(kind: keyof Connections): number {
    let count = 0
    for (const connections of this.#byTransfer.values()) count += connections[kind]
    return count
  }
}
