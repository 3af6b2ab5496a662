import { cacheSettings } from './cache-settings.ts'
import { fetchSettings } from './fetch-settings.ts'
import { hubSettings } from './hub-settings.ts'
import { listSettings } from './list-settings.ts'
import { outputSettings } from './output-settings.ts'
import { peerSettings } from './peer-settings.ts'
import { serveSettings } from './serve-settings.ts'
import type { Setting } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Everything that a user can set, by the name that the code uses. */
export const settings = {
  ...fetchSettings,
  ...listSettings,
  ...cacheSettings,
  ...hubSettings,
  ...peerSettings,
  ...serveSettings,
  ...outputSettings,
} as const

// Fetch settings are those of download and snapshot, list settings those of snapshot, serve and cache settings those of the commands of these names, all others every command's, but for these.
const { cacheDir, on, warmTokenFile, ...fetchOnly } = fetchSettings
const { storeDir, ...serveOnly } = serveSettings
const { repoType, dryRun } = fetchSettings
const { storeQuota } = serveSettings
const { offline, ...hub } = hubSettings
const { json, ...output } = outputSettings

const fetching = { ...fetchOnly, offline, json }
const shared = { ...hub, ...peerSettings, cacheDir, storeDir, ...output }

/** Which settings each command takes. */
export const settingsOf = {
  download: { ...fetching, ...shared },
  snapshot: { ...listSettings, ...fetching, on, warmTokenFile, ...shared },
  serve: { ...serveOnly, warmTokenFile, ...shared },
  cache: { ...cacheSettings, repoType, dryRun, storeQuota, offline, json, ...shared },
  config: settings,
} as const

/** The commands that take settings. */
export type CommandName = keyof typeof settingsOf

/** The settings of a command, in the order of the help. */
export function settingsFor(command: CommandName): readonly Setting<unknown>[] {
  const order: readonly string[] = Object.values(groups)
  const own: readonly Setting<unknown>[] = Object.values(settingsOf[command])
  return own.toSorted((a, b) => order.indexOf(a.group) - order.indexOf(b.group))
}
