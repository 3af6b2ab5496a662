import type { VerifiedFact } from './verified-format.ts'

/** What to do next: read a file again now, or look for one after `waitMs`. */
export type NextCheck =
  | { readonly type: 'check'; readonly fact: VerifiedFact }
  | { readonly type: 'wait'; readonly waitMs: number }

/** How long the checker sleeps at the most, in ms: files come and go. */
const LONGEST_WAIT_MS = 3_600_000

/**
 * Which file to read again next: of the files that count as good the one whose last check is longest ago, once that is
 * `everyMs` ago. `nowMs` is Unix time; a check that lies in the future, since the clock was set back, is due at once.
 */
export function nextCheck(facts: Iterable<VerifiedFact>, nowMs: number, everyMs: number): NextCheck {
  const checkedAt = ({ checkedAtMs }: VerifiedFact) => (checkedAtMs > nowMs ? 0 : checkedAtMs)
  let oldest: VerifiedFact | undefined
  for (const fact of facts) {
    if (fact.isGood && (oldest === undefined || checkedAt(fact) < checkedAt(oldest))) oldest = fact
  }
  if (oldest === undefined) return { type: 'wait', waitMs: LONGEST_WAIT_MS }
  const waitMs = checkedAt(oldest) + everyMs - nowMs
  if (waitMs <= 0) return { type: 'check', fact: oldest }
  return { type: 'wait', waitMs: Math.min(LONGEST_WAIT_MS, waitMs) }
}
