import type { Socket } from 'node:net'
import type { buildConnector } from 'undici/index.js'
import { LowWaterMark } from './low-water-mark.ts'
import { setReceiveLowWater } from './receive-low-water.ts'

/** How often to check whether a socket that waits for many bytes has become silent. */
const LOOK_EVERY_MS = 100
/** Looks without a byte in between that make it silent. */
const SILENT_LOOKS = 2

/** Has the kernel gather the bytes of bodies, so that this process wakes for tens of KiB and not for each packet. */
export class ReceiveGathering {
  /** The socket whose bytes are being handled, from the moment that they are announced. */
  #announced: GatheringSocket | undefined
  readonly #waiting = new Set<GatheringSocket>()
  #looking: NodeJS.Timeout | undefined

  /** Opens connections as `connect` does, and follows what they bring. */
  follow(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) =>
      connect(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
        if (error) return callback(error, null)
        const gathering = new GatheringSocket(socket, (isWaiting) => this.#note(gathering, isWaiting))
        // undici listens after this: it reports a new response while that response's socket is the announced one.
        socket.on('readable', () => {
          this.#announced = gathering
        })
        // undici fails an assertion, outside of every request, where a socket ends while its body is held back.
        socket.on('end', () => gathering.onEnd?.())
        socket.on('error', asBroken)
        callback(null, socket)
      })
  }

  /** The socket of the response that undici reports at this moment; undefined where it is not known. */
  get announced(): GatheringSocket | undefined {
    return this.#announced
  }

  #note(socket: GatheringSocket, isWaiting: boolean): void {
    if (isWaiting) this.#waiting.add(socket)
    else this.#waiting.delete(socket)
    if (this.#waiting.size > 0) {
      this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
      return
    }
    clearInterval(this.#looking)
    this.#looking = undefined
  }

  #look(): void {
    for (const socket of this.#waiting) socket.look()
  }
}

/**
 * Has undici take a connection that was reset for one that broke. It takes it for the end of the body where the server
 * said that it would close: a body without a length then counts as complete, and one that is held back fails the
 * assertion.
 */
function asBroken(error: Error & { code?: string }): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
}

/** A socket whose reader can be woken late. */
export class GatheringSocket {
  readonly #socket: Socket
  readonly #onChange: (isWaiting: boolean) => void
  readonly #plan = new LowWaterMark()
  /** Hears that the other side has sent all that it will, before undici does. */
  onEnd: (() => void) | undefined
  #mark = 1
  #left = 0
  #silentLooks = 0

  /** `onChange` hears whether it waits for more than one byte. */
  constructor(socket: Socket, onChange: (isWaiting: boolean) => void) {
    this.#socket = socket
    this.#onChange = onChange
  }

  /** A body of `length` bytes begins. */
  begin(length: number): void {
    this.#left = length
    this.#plan.begin(performance.now())
  }

  /** Bytes of the body were handled. */
  took(length: number): void {
    this.#left -= length
    this.#silentLooks = 0
    // What was read already and is not handled yet does not come any more.
    const left = this.#left - this.#socket.readableLength
    this.#set(this.#plan.after(length, left, performance.now()))
  }

  /** No more of the body is read. */
  end(): void {
    this.#set(1)
  }

  /** Checks whether the socket has been silent for long: then its reader is woken for the bytes that are there. */
  look(): void {
    this.#silentLooks += 1
    if (this.#silentLooks < SILENT_LOOKS) return
    this.#plan.relax(performance.now())
    this.#set(1)
  }

  #set(mark: number): void {
    if (mark === this.#mark) return
    const wasWaiting = this.#mark > 1
    this.#mark = mark
    // The descriptor number of a closed socket may be another file's by now.
    const descriptor = this.#socket.destroyed ? undefined : descriptorOf(this.#socket)
    if (descriptor !== undefined) setReceiveLowWater(descriptor, mark)
    if (mark > 1 !== wasWaiting) this.#onChange(mark > 1)
  }
}

function descriptorOf(socket: object): number | undefined {
  const handle = '_handle' in socket ? socket._handle : undefined
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
