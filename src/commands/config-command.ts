import type { Environment } from '../base/environment.ts'
import { huggingFaceHome } from '../base/expand-path.ts'
import type { Outcome } from '../ui/outcome.ts'
import { redact } from '../ui/redact.ts'
import { textTable } from '../ui/text-table.ts'
import type { CommandContext } from './commands.ts'
import { findUsersToken } from './connect-hub.ts'
import type { Setting } from './settings/setting.ts'
import type { SettingReader } from './settings/setting-reader.ts'
import { type CommandName, settings, settingsFor } from './settings/settings.ts'

/** A setting in force. */
interface ShownSetting {
  readonly name: string
  readonly value: string | null
  readonly from: 'flag' | 'variable' | 'file' | 'default'
  /** The flag, the variable, or the path of the file. */
  readonly where: string | null
}

/** What stands in place of a secret. */
const MASK = '[secret]'

/** Variables that say where the Hugging Face home is, the first that is set. */
const homeVariables = ['HF_HOME', 'XDG_CACHE_HOME'] as const

/** Variables that are no settings of dfhf's own, but say how it works. */
const otherVariables = [
  ...homeVariables,
  'HF_TOKEN_PATH',
  'HF_HUB_DISABLE_IMPLICIT_TOKEN',
  'DFHF_ALLOW_PLAIN_HTTP_TOKEN',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'DFHF_RATE_LIMIT_PATIENCE',
]

/** The command whose settings `dfhf config <command>` shows; `config` itself has those of all. */
export function configSubject([name]: readonly string[]): CommandName {
  const names: readonly CommandName[] = ['download', 'snapshot', 'serve', 'cache']
  return names.find((each) => each === name) ?? 'config'
}

/** `dfhf config`: every setting in force and where its value comes from. Throws `usage` for a value that is none. */
export function configCommand(
  reader: SettingReader,
  names: readonly string[],
  context: CommandContext,
): Outcome {
  const command = configSubject(names)
  const shown = settingsFor(command).map((setting) =>
    setting.flag === settings.token.flag ? tokenOf(reader, context) : show(setting, reader, context.env),
  )
  const all = [...shown, ...variablesOf(context.env)]
  const rows = all.map(({ name, value, from, where }) => [name, value ?? '-', where ?? from])
  return {
    kind: 'report',
    result: { command: command === 'config' ? null : command, settings: all },
    text: textTable([['SETTING', 'VALUE', 'FROM'], ...rows]),
  }
}

function show(setting: Setting<unknown>, reader: SettingReader, env: Environment): ShownSetting {
  // Finds out whether what is written makes sense.
  reader.read(setting)
  const { from, name, texts } = reader.placeOf(setting)
  const fallback = setting.fallbackText ?? (setting.value === undefined ? 'false' : undefined)
  const home = huggingFaceHome(env) ?? '$HF_HOME'
  const value = from === 'default' ? fallback?.replace('$HF_HOME', () => home) : texts.join(',')
  const about = { name: setting.flag, value: value === undefined ? null : masked(value) }
  const homeVariable = homeVariables.find((each) => env[each])
  if (from === 'default' && homeVariable !== undefined && fallback?.startsWith('$HF_HOME'))
    return { ...about, from: 'variable', where: homeVariable }
  return { ...about, from, where: name ?? null }
}

/** The token may come from more places than other settings do, and is never shown. */
function tokenOf(reader: SettingReader, context: CommandContext): ShownSetting {
  const { flag } = settings.token
  const found = findUsersToken({ token: reader.read(settings.token)?.trim() || undefined }, context)
  if (!found) return { name: flag, value: null, from: 'default', where: null }
  const { from } = found
  const kind = from === `--${flag}` ? 'flag' : Object.hasOwn(context.env, from) ? 'variable' : 'file'
  return { name: flag, value: MASK, from: kind, where: from }
}

function variablesOf(env: Environment): ShownSetting[] {
  return otherVariables.flatMap((name): ShownSetting[] => {
    const key = [name, name.toLowerCase()].find((each) => env[each])
    const value = key && env[key]
    return key && value ? [{ name: key, value: masked(value), from: 'variable', where: key }] : []
  })
}

/** Without credentials in an address of any kind, and without what looks like a token. */
function masked(text: string): string {
  return redact(text.replace(/(:\/\/)[^\s/@]*@/g, `$1${MASK}@`))
}
