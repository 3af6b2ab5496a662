/** How grave a message is, from what only a developer wants to know to what ends the process. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const

/** One of the levels. */
export type LogLevel = (typeof logLevels)[number]

/** True where messages of `level` are shown if everything from `least` on is. */
export function isShown(level: LogLevel, least: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least)
}
