import { FFIType, ptr } from 'bun:ffi'
import { openLibc } from '../base/libc.ts'

/** A connection that another machine opened to a port of this process. */
export interface OpenSocket {
  readonly descriptor: number
  /** An IPv4 address, or the first half of an IPv6 one, which is all that tells one machine from others. */
  readonly address: string
  /** Tells it from others with the same descriptor, before and after it. */
  readonly name: string
}

/** Linux's numbers. */
const AF_INET = 2
const AF_INET6 = 10
const SHUT_RDWR = 2
/** Descriptors are given lowest first: behind a gap as wide as this there are none. */
const GAP = 256
const ADDRESS_SIZE = 128

interface Calls {
  readonly getsockname: (descriptor: number, address: Uint8Array) => boolean
  readonly getpeername: (descriptor: number, address: Uint8Array) => boolean
  readonly shutdown: (descriptor: number) => void
}

let libc: Calls | undefined | 'unopened' = 'unopened'

/** The connections to a port that other machines opened, those of this machine left out. None where the system cannot tell. */
export function socketsOn(port: number): OpenSocket[] {
  if (libc === 'unopened') libc = openCalls()
  const sockets: OpenSocket[] = []
  if (!libc) return sockets
  const [own, peer] = [new Uint8Array(ADDRESS_SIZE), new Uint8Array(ADDRESS_SIZE)]
  for (let descriptor = 0, gap = 0; gap < GAP; descriptor += 1) {
    const isSocket = libc.getsockname(descriptor, own)
    gap = isSocket ? 0 : gap + 1
    if (!isSocket || portOf(own) !== port || !libc.getpeername(descriptor, peer)) continue
    const address = machineOf(peer)
    if (address !== undefined)
      sockets.push({ descriptor, address, name: `${descriptor} ${address} ${portOf(peer)}` })
  }
  return sockets
}

/** Ends a connection; its owner in this process hears of it as if the other side had. */
export function cutSocket({ descriptor }: OpenSocket): void {
  if (libc && libc !== 'unopened') libc.shutdown(descriptor)
}

function portOf(address: Uint8Array): number {
  return ((address[2] ?? 0) << 8) | (address[3] ?? 0)
}

/** What stands for the machine at a socket's address; undefined for this machine. */
function machineOf(address: Uint8Array): string | undefined {
  const family = (address[0] ?? 0) | ((address[1] ?? 0) << 8)
  if (family === AF_INET) return notLoopback(address.subarray(4, 8))
  if (family !== AF_INET6) return undefined
  const bytes = Buffer.from(address.subarray(8, 24))
  const prefix = bytes.subarray(0, 12).toString('hex')
  if (prefix === '00000000000000000000ffff') return notLoopback(bytes.subarray(12))
  const isLoopback = prefix === '0'.repeat(24) && bytes.readUInt32BE(12) === 1
  return isLoopback ? undefined : `${bytes.toString('hex', 0, 8).replace(/(....)(?!$)/g, '$1:')}::`
}

function notLoopback(bytes: Uint8Array): string | undefined {
  return bytes[0] === 127 ? undefined : bytes.join('.')
}

/** Undefined where there are none: then connections end by their idle time alone. */
function openCalls(): Calls | undefined {
  if (process.platform !== 'linux') return undefined
  const { i32, ptr: pointer } = FFIType
  const named = { args: [i32, pointer, pointer], returns: i32 } as const
  const symbols = openLibc({
    getsockname: named,
    getpeername: named,
    shutdown: { args: [i32, i32], returns: i32 },
  })
  if (!symbols) return undefined
  const length = new Int32Array(1)
  const ask = (call: typeof symbols.getsockname) => (descriptor: number, address: Uint8Array) => {
    length[0] = address.length
    return call(descriptor, ptr(address), ptr(length)) === 0
  }
  return {
    getsockname: ask(symbols.getsockname),
    getpeername: ask(symbols.getpeername),
    shutdown: (descriptor) => void symbols.shutdown(descriptor, SHUT_RDWR),
  }
}
