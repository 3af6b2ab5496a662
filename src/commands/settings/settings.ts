import { fetchSettings } from './fetch-settings.ts'
import { hubSettings } from './hub-settings.ts'
import { outputSettings } from './output-settings.ts'
import { peerSettings } from './peer-settings.ts'
import { serveSettings } from './serve-settings.ts'
import type { Setting } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Everything that a user can set, by the name that the code uses. */
export const settings = {
  ...fetchSettings,
  ...hubSettings,
  ...peerSettings,
  ...serveSettings,
  ...outputSettings,
} as const

/** The name of a setting in the code. */
export type SettingName = keyof typeof settings

const shared: readonly SettingName[] = [
  'endpoint',
  'token',
  'etagTimeout',
  'downloadTimeout',
  'seeds',
  'noMulticast',
  'noPeers',
  'listen',
  'advertise',
  'clusterKeyFile',
  'origin',
  'tlsCert',
  'tlsKey',
  'tlsCa',
  'connections',
  'limitRate',
  'uploadLimitRate',
  'cacheDir',
  'storeDir',
  'quiet',
  'verbose',
  'config',
]

const fetching: readonly SettingName[] = [
  'repoType',
  'revision',
  'include',
  'exclude',
  'forceDownload',
  'dryRun',
  'localDir',
  'noSymlinks',
  'offline',
  'maxWorkers',
  'json',
]

/** Which settings each command takes. */
export const settingsOf = {
  download: [...fetching, ...shared],
  snapshot: [...fetching, 'on', ...shared],
  serve: [
    'gateway',
    'gatewayHost',
    'allowHost',
    'ignoreQueryParams',
    'staleFor',
    'storeQuota',
    'minFree',
    'checkEvery',
    'fetchForPeers',
    ...shared,
  ],
} as const satisfies Record<string, readonly SettingName[]>

/** The commands that take settings. */
export type CommandName = keyof typeof settingsOf

/** The settings of a command, in the order of the help. */
export function settingsFor(command: CommandName): readonly Setting<unknown>[] {
  const order: readonly string[] = Object.values(groups)
  return settingsOf[command]
    .map((name): Setting<unknown> => settings[name])
    .sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group))
}
