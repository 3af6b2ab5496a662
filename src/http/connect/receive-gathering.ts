import type { Socket } from 'node:net'
import type { buildConnector } from 'undici/index.js'
import { LowWaterMark } from './low-water-mark.ts'
import { setReceiveLowWater } from './receive-low-water.ts'

/**
 * How often all sockets that wait for many bytes give what they have, in ms. A process on a link spends most of its CPU
 * time on waking, whatever it wakes for: one moment for all connections is worth more than the best one for each. So long
 * as bytes wait at the most, the rates that the scheduler measures stay right.
 */
const READ_EVERY_MS = 100
/** A quick connection's bytes come earlier than with all others: its buffer must not fill up. */
const GATHER_MS = 2 * READ_EVERY_MS
const LEAST = 2 ** 12

/** Has the kernel gather the bytes of bodies, so that this process wakes for tens of KiB and not for each packet. */
export class ReceiveGathering {
  /** The socket whose bytes are being handled, from the moment that they are announced. */
  #announced: GatheringSocket | undefined
  readonly #waiting = new Set<GatheringSocket>()
  #reading: NodeJS.Timeout | undefined

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
      this.#reading ??= setInterval(() => this.#read(), READ_EVERY_MS).unref()
      return
    }
    clearInterval(this.#reading)
    this.#reading = undefined
  }

  #read(): void {
    for (const socket of this.#waiting) socket.open()
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
  readonly #plan: LowWaterMark
  /** Hears that the other side has sent all that it will, before undici does. */
  onEnd: (() => void) | undefined
  #mark = 1
  #left = 0
  #isWaiting = false
  #isSilent = true

  /** `onChange` hears whether it waits for more than one byte. */
  constructor(socket: Socket, onChange: (isWaiting: boolean) => void) {
    this.#socket = socket
    this.#onChange = onChange
    const isSealed = 'encrypted' in socket
    this.#plan = new LowWaterMark({ gatherMs: GATHER_MS, least: LEAST, ...(!isSealed && { tail: 0 }) })
  }

  /** A body of `length` bytes begins. */
  begin(length: number): void {
    this.#left = length
    this.#plan.begin(performance.now())
  }

  /** Bytes of the body were handled. */
  took(length: number): void {
    this.#left -= length
    this.#isSilent = false
    // What was read already and is not handled yet does not come any more.
    const left = this.#left - this.#socket.readableLength
    this.#wait(this.#plan.after(length, left, performance.now()))
  }

  /** No more of the body is read. */
  end(): void {
    this.#wait(1)
  }

  /** Has the reader woken for what is there. From a socket that was silent since the last time it is woken for any byte. */
  open(): void {
    if (this.#isSilent) {
      this.#plan.relax(performance.now())
      this.#wait(1)
    } else this.#set(1)
    this.#isSilent = true
  }

  /** Waits for so many bytes from now on. */
  #wait(mark: number): void {
    this.#set(mark)
    if (mark > 1 === this.#isWaiting) return
    this.#isWaiting = mark > 1
    this.#onChange(this.#isWaiting)
  }

  #set(mark: number): void {
    if (mark === this.#mark) return
    this.#mark = mark
    // The descriptor number of a closed socket may be another file's by now.
    const descriptor = this.#socket.destroyed ? undefined : descriptorOf(this.#socket)
    if (descriptor !== undefined) setReceiveLowWater(descriptor, mark)
  }
}

function descriptorOf(socket: object): number | undefined {
  const handle = '_handle' in socket ? socket._handle : undefined
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
