import { DfhfError } from '../../base/errors.ts'

/** The version of the peer protocol: of its requests, messages, piece sizes and proofs. Another one means another protocol. */
export const PEER_PROTOCOL = 1

/** The header of every request and response between peers that holds the version; peers that send none speak 1. */
export const PROTOCOL_HEADER = 'x-dfhf-protocol'

/** The version that a peer says it speaks, where it is another than this process's. What is no number is `unknown`. */
export function otherProtocol(told: string | null | undefined): string | undefined {
  const version = told ?? '1'
  if (version === String(PEER_PROTOCOL)) return undefined
  return /^\d{1,6}$/.test(version) ? version : 'unknown'
}

/** A peer speaks another version of the peer protocol, so that neither takes anything from the other. */
export class OtherProtocolError extends DfhfError {
  constructor(peer: string, version: string) {
    super(
      'forbidden',
      `peer ${peer} speaks version ${version} of the peer protocol and this process version ${PEER_PROTOCOL}: they share nothing`,
      { hint: 'install one version of dfhf on all machines' },
    )
    this.name = 'OtherProtocolError'
  }
}
