import type { Dispatcher } from 'undici/index.js'
import { BodyChunks } from './body-chunks.ts'
import type { GatheringSocket, ReceiveGathering } from './connect/receive-gathering.ts'

/** A response whose headers are here. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: BodyChunks
}

type Controller = Dispatcher.DispatchController

/**
 * One request and its response, as undici reads it from the socket: the parts of the body go straight to `BodyChunks`.
 * undici's own stream for bodies costs as much CPU time as all the rest of its work.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #answered = Promise.withResolvers<Answer>()
  readonly #signal: AbortSignal | undefined
  readonly #gathering: ReceiveGathering
  #controller: Controller | undefined
  #body: BodyChunks | undefined
  #socket: GatheringSocket | undefined

  /** The signal ends the request, and the body as long as that has not ended. */
  constructor(signal: AbortSignal | undefined, gathering: ReceiveGathering) {
    this.#signal = signal
    this.#gathering = gathering
    if (signal?.aborted) this.#abort()
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  /** Rejects with what undici says, or at once with the signal's reason: undici looks only when a connection stands. */
  get answer(): Promise<Answer> {
    return this.#answered.promise
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#signal?.aborted) controller.abort(this.#signal.reason)
  }

  onResponseStart(controller: Controller, status: number, headers: Answer['headers']): void {
    // An interim response comes before the final one, as 103 Early Hints does.
    if (status < 200) return
    const length = Number(headers['content-length'])
    this.#body = new BodyChunks(controller, Number.isNaN(length) ? undefined : length)
    const socket = this.#gathering.announced
    if (socket) socket.onEnd = () => this.#body?.takeAll()
    if (length > 0) this.#socket = socket
    this.#socket?.begin(length)
    this.#answered.resolve({ status, headers, body: this.#body })
  }

  onResponseData(_controller: Controller, chunk: Uint8Array): void {
    this.#body?.take(chunk)
    this.#socket?.took(chunk.length)
  }

  onResponseEnd(): void {
    this.#end({})
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#end({ error })
    this.#answered.reject(error)
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#signal?.reason
    this.#answered.reject(reason)
    this.#controller?.abort(reason instanceof Error ? reason : new Error(String(reason)))
  }

  #end(end: { readonly error?: unknown }): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#socket?.end()
    this.#body?.finish(end)
  }
}
