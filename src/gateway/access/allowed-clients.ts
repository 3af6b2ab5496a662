import ipaddr from 'ipaddr.js'
import { DfhfError } from '../../base/errors.ts'
import { isLoopbackAddress } from '../../base/loopback.ts'
import { plainAddress } from '../../base/plain-address.ts'

type Range = ReturnType<typeof ipaddr.parseCIDR>

/** The machines that a gateway answers: this one always, others by their addresses. */
export class AllowedClients {
  readonly #ranges: readonly Range[]

  /** Takes ranges (`10.0.0.0/8`) and addresses; none means every machine. Throws `usage` for what is neither. */
  constructor(texts: readonly string[]) {
    this.#ranges = texts.map(parseRange)
  }

  /** True for a client whose connection comes from `address`. */
  has(address: string): boolean {
    if (this.#ranges.length === 0 || isLoopbackAddress(address)) return true
    const bare = plainAddress(address.replace(/%.*$/s, ''))
    if (!ipaddr.isValid(bare)) return false
    const parsed = ipaddr.parse(bare)
    return this.#ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range))
  }
}

function parseRange(text: string): Range {
  // The parser also takes the old forms of IPv4 (`10.1`, `0x0a000001`), which hide what they mean.
  const isWhole = text.includes(':') || /^\d+\.\d+\.\d+\.\d+(?:\/\d+)?$/.test(text)
  try {
    if (isWhole)
      return text.includes('/') ? ipaddr.parseCIDR(text) : ipaddr.parseCIDR(`${text}/${bitsOf(text)}`)
  } catch {
    // The error below says what is wrong.
  }
  throw new DfhfError('usage', `not a range of addresses: '${text.slice(0, 100)}'`, {
    hint: 'write --gateway-allow 10.0.0.0/8 or fd00::/8',
  })
}

function bitsOf(address: string): number {
  return ipaddr.parse(address).kind() === 'ipv4' ? 32 : 128
}
