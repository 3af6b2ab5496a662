import { isIPv6 } from 'node:net'
import { DfhfError } from '../../base/errors.ts'
import { parseSize } from '../../base/size.ts'
import { isZone } from '../../swarm/protocol/peer-info.ts'

/** Where to listen, or which server to call. No host means every interface. */
export interface Address {
  readonly host: string | undefined
  readonly port: number
}

/** A parser of whole numbers from `lowest` up. */
export function parseCount(lowest: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < lowest) {
      throw usage(`'${text}' is no whole number from ${lowest} up`)
    }
    return value
  }
}

/** A positive number of seconds, as milliseconds. */
export function parseSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) <= 0) throw usage(`'${text}' is no number of seconds`)
  return Math.round(Number(text) * 1000)
}

/** The longest that a timer can wait, in seconds. */
const LONGEST_GRACE = Math.floor((2 ** 31 - 1) / 1000)

/** A number of seconds that may be 0, as milliseconds. */
export function parseGrace(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) > LONGEST_GRACE)
    throw usage(`'${text}' is no number of seconds`)
  return Math.round(Number(text) * 1000)
}

const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 }

/** A span such as `90s`, `10m`, `24h` or `7d`, as milliseconds; `0` is none. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  if (text === '0') return 0
  if (!match) throw usage(`'${text}' is no span of time`, 'write for example 90s, 10m, 24h or 7d')
  return Math.round(Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0))
}

/** A rate or size of which 0 means no limit. */
export function parseLimit(text: string): number | undefined {
  return parseSize(text) || undefined
}

/** The name of a zone, as other peers are told it. */
export function parseZone(text: string): string {
  if (!isZone(text))
    throw usage(`'${text}' is no zone`, 'write up to 63 letters, digits, dots, dashes or underscores')
  return text
}

/** Free space to leave on a disk: so many bytes, and so much of the whole, whichever is more. */
export interface FreeFloor {
  readonly size: number
  /** From 0 to 1. */
  readonly share: number
}

/** A size, or a share of the disk such as `15%`. */
export function parseFloor(text: string): FreeFloor {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1]
  if (percent === undefined) return { size: parseSize(text), share: 0 }
  if (Number(percent) > 100) throw usage(`'${text}' is more than the whole disk`)
  return { size: 0, share: Number(percent) / 100 }
}

/** `port`, `host:port`, `:port` or `[v6]:port`. */
export function parseAddress(text: string): Address {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (!match || port > 65535 || (match[1] !== undefined && !isIPv6(match[1]))) {
    throw usage(`'${text}' is no address`, 'write a port, host:port or [v6-address]:port')
  }
  return { host: host || undefined, port }
}

/** An http or https URL, without a slash at its end. */
export function parseHttpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw usage(`'${text}' is no http or https address`, 'write for example https://huggingface.co')
  }
  return text.trim().replace(/\/+$/, '')
}

/** The address of a server that is spoken to in clear, without a path. */
export function parsePlainHttpUrl(text: string): URL {
  const url = new URL(parseHttpUrl(text))
  if (url.protocol !== 'http:' || url.pathname !== '/' || url.username !== '' || url.search !== '')
    throw usage(`'${text}' is no http address of a host and port`, 'write for example http://127.0.0.1:4001')
  return url
}

function usage(message: string, hint?: string): DfhfError {
  return new DfhfError('usage', message, hint === undefined ? {} : { hint })
}
