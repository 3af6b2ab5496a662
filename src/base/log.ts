/** Where library code says what happened; the edge decides how it is shown. Never given a token or a signed URL. */
export interface Log {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
}

/** A log that keeps quiet. */
export const silentLog: Log = { debug() {}, info() {}, warn() {} }
