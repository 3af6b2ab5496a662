import { DfhfError } from './errors.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** A byte count for people, base 1000 as the Hub shows sizes: 5300000 is `5.3 MB`. */
export function formatSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

const factors: Record<string, number> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}

/** Parses `10MB`, `1.5G`, `512KiB` or a bare byte count; throws `usage` on anything else. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?(?:\/s)?$/i.exec(text.trim())
  const factor = factors[match?.[2]?.toLowerCase() ?? '-']
  if (!match || factor === undefined) {
    throw new DfhfError('usage', `not a size: '${text}'`, { hint: 'write for example 500kB, 20MB or 1GiB' })
  }
  return Math.round(Number(match[1]) * factor)
}
