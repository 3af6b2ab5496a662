import { isObject } from '../../base/json-object.ts'

/** A limit of the Hub, as a peer that was refused tells of it. */
export interface HubLimitNews {
  /** 16 hex digits that name the Hub's host to those that know it. */
  readonly hostTag: string
  /** Names which of the Hub's budgets is used up; empty for that of files. */
  readonly budget: string
  /** True where requests with a token are limited: the Hub counts those of each account by themselves. */
  readonly hasAccount: boolean
  /** For how long the Hub is left alone, in ms. */
  readonly forMs: number
}

/** What a process tells its peers of the Hub's limits, and does with what they tell. */
export interface HubLimitBoard {
  limits(): readonly HubLimitNews[]
  /** Peers cannot prove what they say of the Hub. */
  toldOf(news: HubLimitNews): void
  /** Calls `listener` when there is more to tell. */
  onLimit(listener: () => void): void
}

/** Two budgets, each with and without a token. */
const MOST_LIMITS = 4
const LONGEST_MS = 3_600_000
const FIELD = 'hubLimits'

/** Adds limits to the JSON form of a peer. */
export function encodeHubLimits(limits: readonly HubLimitNews[]): Record<string, unknown> {
  if (limits.length === 0) return {}
  const told = limits.slice(0, MOST_LIMITS).map(({ hostTag, budget, hasAccount, forMs }) => ({
    host: hostTag,
    ...(budget !== '' && { budget }),
    ...(hasAccount && { account: true }),
    ms: Math.min(LONGEST_MS, Math.max(1, Math.round(forMs))),
  }))
  return { [FIELD]: told }
}

/** The limits in a peer's JSON form; what is not as it must be counts for nothing. */
export function decodeHubLimits(peer: unknown): HubLimitNews[] {
  const list = isObject(peer) ? peer[FIELD] : undefined
  if (!Array.isArray(list)) return []
  return list.slice(0, MOST_LIMITS).flatMap((entry: unknown) => {
    if (!isObject(entry)) return []
    const { host, budget = '', account, ms } = entry
    if (typeof host !== 'string' || !/^[0-9a-f]{16}$/.test(host)) return []
    if (typeof budget !== 'string' || !/^[a-z]{0,16}$/.test(budget)) return []
    if (typeof ms !== 'number' || !Number.isInteger(ms) || ms < 1 || ms > LONGEST_MS) return []
    return [{ hostTag: host, budget, hasAccount: account === true, forMs: ms }]
  })
}
