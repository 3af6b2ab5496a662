/**
 * A loopback address that this process has to itself. A port that must be known before anything listens there, and that
 * lies below those which the system hands out, is free on it: one that is looked for and let go again may be taken.
 */
export function ownAddress(number: number): string {
  return `127.${64 + ((process.pid >> 8) % 32)}.${process.pid % 256}.${number}`
}
