import { type Environment, firstSet } from '../../base/environment.ts'
import { DfhfError } from '../../base/errors.ts'
import type { Setting } from './setting.ts'

/** The three places that settings come from. */
export interface SettingSources {
  /** Texts by long flag, as given on the command line. */
  readonly flags: ReadonlyMap<string, readonly string[]>
  readonly env: Environment
  /** Texts by key of the config file. */
  readonly config: ReadonlyMap<string, readonly string[]>
  readonly configPath: string
}

/** Where a value was written. */
interface SettingPlace {
  readonly from: 'flag' | 'variable' | 'file' | 'default'
  /** The flag, the variable or the path of the file. */
  readonly name?: string
  readonly texts: readonly string[]
}

/** Reads settings: flag over environment over config file over default. */
export interface SettingReader {
  /** The value; throws `usage` that names the place where a bad one was written. */
  read<T>(setting: Setting<T>): T
  /** True when the value is not the default. */
  isGiven(setting: Setting<unknown>): boolean
  /** True when the value stood on the command line. */
  isGivenByFlag(setting: Setting<unknown>): boolean
  /** Where the value comes from, and how it is written there. */
  placeOf(setting: Setting<unknown>): SettingPlace
}

/** A reader over the given places. */
export function createSettingReader(sources: SettingSources): SettingReader {
  const find = (setting: Setting<unknown>): SettingPlace | undefined => {
    const flag = sources.flags.get(setting.flag)
    if (flag) return { from: 'flag', name: `--${setting.flag}`, texts: flag }
    const variable = firstSet(sources.env, setting.env)
    if (variable) return { from: 'variable', name: variable.name, texts: [variable.value] }
    const entry = sources.config.get(setting.flag)
    return entry && { from: 'file', name: sources.configPath, texts: entry }
  }
  return {
    isGiven: (setting) => find(setting) !== undefined,
    isGivenByFlag: (setting) => sources.flags.has(setting.flag),
    placeOf: (setting) => find(setting) ?? { from: 'default', texts: [] },
    read(setting) {
      const found = find(setting)
      if (!found) return setting.fallback
      try {
        return setting.parse(setting.isList ? split(setting, found.texts) : found.texts, sources.env)
      } catch (error) {
        throw placed(inWords(found, setting), error)
      }
    },
  }
}

function inWords({ from, name = '' }: SettingPlace, { flag }: Setting<unknown>): string {
  return from === 'file' ? `${flag} in ${name}` : name
}

/** Patterns may hold commas; every other list may be written with them. */
function split(setting: Setting<unknown>, texts: readonly string[]): string[] {
  if (setting.value === '<pattern>') return [...texts]
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')
}

function placed(place: string, error: unknown): DfhfError {
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof DfhfError ? error.hint : undefined
  return new DfhfError('usage', `${place}: ${message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}
