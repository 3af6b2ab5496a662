import { pause } from '../throttle.ts'
import { type Conduct, flipBytes } from './conduct.ts'
import type { Connection } from './connection.ts'
import { type HttpAnswer, type HttpBody, type HttpRequest, headerOf } from './message.ts'

const chunkSize = 256 * 1024

/** Sends one answer as its conduct says; true when the connection may carry another request. */
export async function sendAnswer(
  connection: Connection,
  request: HttpRequest,
  answer: HttpAnswer,
): Promise<boolean> {
  const conduct = answer.conduct ?? {}
  let complete = false
  try {
    if (conduct.delayMs !== undefined) await pause(conduct.delayMs, connection.signal)
    await connection.write(formatHead(answer))
    complete = isBodyless(request, answer) || (await sendBody(connection, answer.body, conduct))
    return complete && isDelimited(request, answer)
  } finally {
    conduct.ended?.(complete && !connection.signal.aborted)
  }
}

function formatHead(answer: HttpAnswer): Uint8Array {
  let head = `HTTP/1.1 ${answer.status} ${reasons[answer.status] ?? 'Status'}\r\n`
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const line of typeof value === 'string' ? [value] : value) head += `${name}: ${line}\r\n`
  }
  if (headerOf(answer.headers, 'date') === undefined) head += `Date: ${new Date().toUTCString()}\r\n`
  if (answer.body?.kind === 'stream') head += 'Transfer-Encoding: chunked\r\n'
  else if (answer.status !== 304 && headerOf(answer.headers, 'content-length') === undefined) {
    head += `Content-Length: ${sizeOf(answer.body)}\r\n`
  }
  return Buffer.from(`${head}\r\n`, 'latin1')
}

function sizeOf(body: HttpBody | undefined): number {
  if (body?.kind === 'bytes') return body.bytes.length
  return body?.kind === 'content' ? body.length : 0
}

function isBodyless(request: HttpRequest, answer: HttpAnswer): boolean {
  return request.method === 'HEAD' || answer.status === 304 || answer.body === undefined
}

/** A body that is shorter or longer than announced can only be ended by closing. */
function isDelimited(request: HttpRequest, answer: HttpAnswer): boolean {
  if (isBodyless(request, answer) || answer.body?.kind === 'stream') return true
  const announced = headerOf(answer.headers, 'content-length')
  return announced === undefined || Number(announced) === sizeOf(answer.body)
}

async function sendBody(
  connection: Connection,
  body: HttpBody | undefined,
  conduct: Conduct,
): Promise<boolean> {
  let offset = 0
  const isChunked = body?.kind === 'stream'
  if (!(await passes(connection, conduct, offset))) return false
  for await (const whole of chunksOf(body)) {
    let chunk = whole
    while (chunk.length > 0) {
      const size = Math.min(chunk.length, allowance(conduct, offset))
      const part = conduct.flips ? chunk.slice(0, size) : chunk.subarray(0, size)
      if (conduct.drip && offset >= conduct.drip.after) await pause(conduct.drip.everyMs, connection.signal)
      for (const throttle of conduct.throttles ?? []) await throttle.take(size, connection.signal)
      if (conduct.flips) flipBytes(part, offset, conduct.flips)
      const framed = isChunked ? Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), part, crlf]) : part
      const written = await connection.write(framed)
      conduct.sent?.(Math.min(written, size))
      if (connection.signal.aborted) return false
      offset += size
      chunk = chunk.subarray(size)
      if (!(await passes(connection, conduct, offset))) return false
    }
  }
  if (isChunked) await connection.write(Buffer.from('0\r\n\r\n'))
  return !connection.signal.aborted
}

/** How much may go next: up to a throttle's grain and no further than the next point where something happens. */
function allowance(conduct: Conduct, offset: number): number {
  let size = Number.POSITIVE_INFINITY
  for (const throttle of conduct.throttles ?? []) size = Math.min(size, throttle.grain)
  if (conduct.drip && offset >= conduct.drip.after) return 1
  for (const point of [conduct.stallAfter, conduct.cutAfter, conduct.drip?.after]) {
    if (point !== undefined && point > offset) size = Math.min(size, point - offset)
  }
  return size
}

/** Does what shall happen after `offset` bytes; false when the connection is no more. */
async function passes(connection: Connection, conduct: Conduct, offset: number): Promise<boolean> {
  if (offset === conduct.stallAfter) await stalled(connection, conduct)
  if (offset !== conduct.cutAfter) return !connection.signal.aborted
  connection.hangUp(conduct.reset)
  return false
}

async function stalled(connection: Connection, conduct: Conduct): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    connection.signal.addEventListener('abort', () => resolve())
    if (connection.signal.aborted) resolve()
  })
  await Promise.race(conduct.lifted ? [conduct.lifted, gone] : [gone])
}

async function* chunksOf(body: HttpBody | undefined): AsyncGenerator<Uint8Array> {
  if (body?.kind === 'bytes') yield body.bytes
  if (body?.kind === 'stream') yield* body.stream
  if (body?.kind !== 'content') return
  const { content, offset, length } = body
  const buffer = content.view ? undefined : new Uint8Array(Math.min(chunkSize, length))
  for (let done = 0; done < length; done += chunkSize) {
    const size = Math.min(chunkSize, length - done)
    const part = content.view?.(offset + done, size) ?? buffer?.subarray(0, size) ?? new Uint8Array()
    if (buffer) content.read(offset + done, part)
    yield part
  }
}

const crlf = Buffer.from('\r\n')
const reasons: Record<number, string> = {
  200: 'OK',
  206: 'Partial Content',
  302: 'Found',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  416: 'Range Not Satisfiable',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
