import type { Socket } from 'bun'
import { sendAnswer } from './answer-writer.ts'
import { type HttpAnswer, type HttpRequest, textAnswer } from './message.ts'
import { MalformedRequest, RequestReader } from './request-reader.ts'

/** Answers one request. */
export type Handler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>

/** One client connection: reads requests one after the other and answers each in full before the next. */
export class Connection {
  readonly #socket: Socket<Connection>
  readonly #handler: Handler
  readonly #closed = new AbortController()
  readonly #reader: RequestReader
  #wake: (() => void) | undefined
  #drained: (() => void) | undefined

  constructor(socket: Socket<Connection>, handler: Handler) {
    this.#socket = socket
    this.#handler = handler
    const sendContinue = () => void socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    this.#reader = new RequestReader(this.#closed.signal, sendContinue)
  }

  get signal(): AbortSignal {
    return this.#closed.signal
  }

  received(bytes: Uint8Array): void {
    this.#reader.push(bytes)
    this.#wake?.()
  }

  drained(): void {
    this.#drained?.()
  }

  closed(): void {
    this.#closed.abort()
    this.#wake?.()
    this.#drained?.()
  }

  /** Ends the connection, politely or by RST. */
  hangUp(reset = false): void {
    if (reset) this.#socket.terminate()
    else this.#socket.end()
  }

  /** Runs until the connection is over. */
  async serve(): Promise<void> {
    for (;;) {
      const request = await this.#nextRequest()
      if (!request) return
      const answer = await this.#answer(request)
      const keeps = await sendAnswer(this, request, answer)
      if (!keeps || request.headers.get('connection')?.toLowerCase() === 'close') return this.hangUp()
    }
  }

  /** Writes all of it, at the socket's pace; returns how many bytes the socket took before it was gone. */
  async write(bytes: Uint8Array): Promise<number> {
    let written = 0
    while (written < bytes.length && !this.signal.aborted) {
      const taken = this.#socket.write(bytes, written, bytes.length - written)
      if (taken < 0) break
      written += taken
      if (written < bytes.length) await this.#drain()
    }
    return written
  }

  async #nextRequest(): Promise<HttpRequest | undefined> {
    while (!this.signal.aborted) {
      try {
        const request = this.#reader.next()
        if (request) return request
      } catch (error) {
        if (!(error instanceof MalformedRequest)) throw error
        this.#socket.write(`HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
        this.hangUp()
        return undefined
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return undefined
  }

  async #answer(request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await this.#handler(request)
    } catch (error) {
      return textAnswer(500, `test hub: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }
}
