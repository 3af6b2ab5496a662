import { readFile } from 'node:fs/promises'
import { DfhfError, systemCode } from '../../base/errors.ts'
import { isObject } from '../../base/json-object.ts'
import { systemReason } from '../../base/system-reason.ts'
import { type CommandName, settingsFor, settingsOf } from './settings.ts'

const commandNames = Object.keys(settingsOf)

/**
 * Reads the settings that a config file (TOML) holds for one command: keys at the top count for every command,
 * those in its own table, `[serve]` for instance, before them. Only a file that the user named must exist.
 */
export async function readConfigFile(
  path: string,
  options: { readonly command: CommandName; readonly mustExist: boolean },
): Promise<Map<string, string[]>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' && !options.mustExist) return new Map()
    throw new DfhfError('usage', `cannot read the config file ${path}: ${systemReason(error)}`, {
      cause: error,
    })
  }
  return parseConfig(text, path, options.command)
}

/** The settings that `text` holds for `command`, by flag; throws `usage` for an unknown key. */
export function parseConfig(text: string, path: string, command: CommandName): Map<string, string[]> {
  const entries = Object.entries(parseToml(text, path))
  const isTable = ([key, value]: [string, unknown]) => commandNames.includes(key) && isObject(value)
  const result = new Map<string, string[]>()
  const anywhere = commandNames.filter((name): name is CommandName => name in settingsOf)
  for (const entry of entries) if (!isTable(entry)) take(result, entry, path, anywhere)
  for (const entry of entries) {
    const [name, table] = entry
    const owner = anywhere.find((each) => each === name)
    if (!isTable(entry) || owner === undefined || !isObject(table)) continue
    const own = owner === command ? result : new Map<string, string[]>()
    for (const inner of Object.entries(table)) take(own, inner, path, [owner])
  }
  return result
}

function take(
  into: Map<string, string[]>,
  [key, value]: [string, unknown],
  path: string,
  commands: readonly CommandName[],
): void {
  const setting = commands.flatMap(settingsFor).find((each) => each.flag === key)
  if (!setting) throw new DfhfError('usage', `unknown key '${key}' in ${path}`)
  if (setting.isFlagOnly) {
    throw new DfhfError('usage', `'${key}' cannot stand in ${path}`, { hint: `give --${key} instead` })
  }
  into.set(key, toTexts(value, key, path))
}

function toTexts(value: unknown, key: string, path: string): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.map((each) => {
    if (typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean') return String(each)
    throw new DfhfError(
      'usage',
      `'${key}' in ${path} is neither text, number, true, false nor a list of them`,
    )
  })
}

function parseToml(text: string, path: string): object {
  try {
    return Bun.TOML.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^TOML Parse error: /, '') : String(error)
    throw new DfhfError('usage', `the config file ${path} is no TOML: ${reason}`, { cause: error })
  }
}
