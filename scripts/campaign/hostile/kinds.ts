import { claimConducts } from './claims.ts'
import { deliveryConducts } from './deliveries.ts'
import type { Conduct } from './hostile-peer.ts'
import { identityConducts } from './identities.ts'
import { messageConducts } from './messages.ts'
import { relayConducts } from './relay.ts'
import { twinConducts } from './twin.ts'

/** Every kind of hostile peer; each makes one peer or several that work together. */
const kinds = {
  ...claimConducts,
  ...deliveryConducts,
  ...messageConducts,
  ...identityConducts,
  ...relayConducts,
  ...twinConducts,
} as const satisfies Record<string, (oids: readonly string[]) => readonly Conduct[]>

/** The name of a kind of hostile peer. */
export type HostileKind = keyof typeof kinds

/** All names, in a fixed order: what a seed means depends on it. */
export const hostileKinds = Object.keys(kinds) as readonly HostileKind[]

/** The peers of a kind, for victims that want the blobs of these oids. */
export function conductsOf(kind: HostileKind, oids: readonly string[]): readonly Conduct[] {
  return kinds[kind](oids)
}
