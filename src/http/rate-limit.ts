/** What the Hub says of the caller's budget, from `RateLimit: "api";r=<remaining>;t=<seconds>`. */
export interface RateLimit {
  /** Which budget: `api`, `resolvers` or `pages`. */
  readonly kind: string
  readonly remaining: number
  /** Milliseconds until the budget is whole again. */
  readonly resetMs: number
}

/** Parses a RateLimit header; undefined when it is absent or not understood. */
export function parseRateLimit(header: string | undefined): RateLimit | undefined {
  const { kind, numbers } = parseFields(header)
  const remaining = numbers.get('r')
  const reset = numbers.get('t')
  if (kind === undefined || remaining === undefined || reset === undefined) return undefined
  return { kind, remaining, resetMs: reset * 1000 }
}

function parseFields(header = ''): { kind: string | undefined; numbers: ReadonlyMap<string, number> } {
  let kind: string | undefined
  const numbers = new Map<string, number>()
  for (const field of header.split(';')) {
    const quoted = /^\s*"([^"]*)"\s*$/.exec(field)?.[1]
    if (quoted !== undefined) kind = quoted
    const [, name, value] = /^\s*([a-z]+)=(\d{1,9})\s*$/.exec(field) ?? []
    if (name !== undefined) numbers.set(name, Number(value))
  }
  return { kind, numbers }
}
