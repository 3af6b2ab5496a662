import { FFIType, ptr } from 'bun:ffi'
import { openLibc } from '../base/libc.ts'

/** Linux's numbers. */
const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 0x8_0002
const MSG_NOSIGNAL = 0x4000
/** The longest name of a local socket, with the zero at its end. */
const LONGEST_NAME = 108

/** What systemd is told: that the addresses answer, and that no more work is taken. */
export type ServiceState = 'READY=1' | 'STOPPING=1'

/**
 * Tells the service manager that started this process, at the socket that it named in NOTIFY_SOCKET. Does nothing where
 * it named none, as on a terminal. <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>
 * @returns whether it was told
 */
export function tellServiceManager(state: ServiceState, socketName: string | undefined): boolean {
  const address = socketName === undefined ? undefined : localAddress(socketName)
  const libc = address && openCalls()
  if (!address || !libc) return false
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (descriptor < 0) return false
  const message = Buffer.from(state)
  const sent = libc.sendto(
    descriptor,
    ptr(message),
    message.length,
    MSG_NOSIGNAL,
    ptr(address),
    address.length,
  )
  libc.close(descriptor)
  return Number(sent) === message.length
}

/** A sockaddr_un: a path, or behind `@` a name that is in no folder. */
function localAddress(name: string): Buffer | undefined {
  if (!/^[@/]./.test(name)) return undefined
  const bytes = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`)
  if (bytes.length > LONGEST_NAME) return undefined
  const family = Buffer.alloc(2)
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX
  return Buffer.concat([family, bytes])
}

function openCalls() {
  if (process.platform !== 'linux') return undefined
  const { i32, u32, u64, i64 } = FFIType
  return openLibc({
    socket: { args: [i32, i32, i32], returns: i32 },
    sendto: { args: [i32, FFIType.ptr, u64, i32, FFIType.ptr, u32], returns: i64 },
    close: { args: [i32], returns: i32 },
  })
}
