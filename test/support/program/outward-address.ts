import { networkInterfaces } from 'node:os'

/** An address of this machine that is not loopback, as that of another one; undefined where there is none. */
export const [outwardAddress] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address)
