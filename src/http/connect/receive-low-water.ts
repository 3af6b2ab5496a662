import { FFIType, ptr } from 'bun:ffi'
import { openLibc } from '../../base/libc.ts'

/** Linux's numbers; elsewhere the option is left alone. */
const SOL_SOCKET = 1
const SO_RCVLOWAT = 18

type SetOption = (descriptor: number, size: number) => void

let setOption: SetOption | undefined | 'unopened' = 'unopened'

/** Has the kernel wake the reader of a socket only when `size` bytes are there, or none follow. Does nothing where it cannot. */
export function setReceiveLowWater(descriptor: number, size: number): void {
  if (setOption === 'unopened') setOption = openSetOption()
  setOption?.(descriptor, size)
}

/** True where this system can do it. */
export function hasReceiveLowWater(): boolean {
  return process.platform === 'linux'
}

/** Undefined where there is none: then reads stay as small as they come. */
function openSetOption(): SetOption | undefined {
  if (!hasReceiveLowWater()) return undefined
  const { i32, u32 } = FFIType
  const libc = openLibc({ setsockopt: { args: [i32, i32, i32, FFIType.ptr, u32], returns: i32 } })
  if (!libc) return undefined
  const value = new Int32Array(1)
  return (descriptor, size) => {
    value[0] = size
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, ptr(value), value.byteLength)
  }
}
