import { connect } from 'node:net'
import { withDeadline } from './deadline.ts'

/** A response to a request that no HTTP client would send. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

/** Sends a request line and header lines as they are, and gives the answer; the connection ends with it. */
export async function rawRequest(
  url: string,
  line: string,
  headers: readonly string[],
  body = '',
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const lines = [`${line} HTTP/1.1`, ...headers, 'Connection: close']
  if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  const heard = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname, () => socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`))
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)))
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    socket.on('error', reject)
  })
  return parse(await withDeadline(heard, 30_000, () => `no answer to ${line}`))
}

function parse(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const headers = new Headers()
  for (const line of lines)
    headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  return { status: Number(first.split(' ')[1]), headers, body: bytes.subarray(end + 4) }
}
