/** The default port of the peer API. */
export const PEER_PORT = 65002
