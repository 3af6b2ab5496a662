import { type Environment, isSwitchedOn } from '../../base/environment.ts'
import { DfhfError } from '../../base/errors.ts'

/**
 * One thing that a user can set. It may come from a flag, the environment or the config file, always as texts
 * (a plain value is a list of one), and becomes a `T` in one place.
 */
export interface Setting<T> {
  /** The long flag without dashes; also the key in the config file. */
  readonly flag: string
  readonly short?: string
  /** A second long flag that means the same. */
  readonly alias?: string
  /** What stands for the value in the help; absent for a switch. Shells complete `<file>` and `<folder>`. */
  readonly value?: string
  /** The flag may be repeated; the environment separates by commas. */
  readonly isList?: boolean
  readonly choices?: readonly string[]
  /** Variables that set it, the strongest first; an empty one counts as unset. */
  readonly env: readonly string[]
  /** True when it only makes sense for one run, or is a secret: the config file refuses it. */
  readonly isFlagOnly?: boolean
  readonly parse: (texts: readonly string[], env: Environment) => T
  readonly fallback: T
  /** The default as the help shows it; absent when there is nothing to say. */
  readonly fallbackText?: string
  readonly group: string
  readonly help: string
}

type Described = Omit<Setting<unknown>, 'parse' | 'fallback' | 'choices' | 'isList'>

/** A switch: `--flag`, or `--no-flag` to undo what the environment or the config file says. */
export function toggle(about: Described): Setting<boolean> {
  return { ...about, fallback: false, parse: (texts) => isSwitchedOn(texts[0]) }
}

/** A setting of one value without a default. */
export function optional<T>(
  about: Described,
  parse: (text: string, env: Environment) => T,
): Setting<T | undefined> {
  return { ...about, fallback: undefined, parse: (texts, env) => parse(texts[0] ?? '', env) }
}

/** A setting of one value with a default. */
export function required<T>(
  about: Described,
  fallback: T,
  parse: (text: string, env: Environment) => T,
): Setting<T> {
  return {
    fallbackText: String(fallback),
    ...about,
    fallback,
    parse: (texts, env) => parse(texts[0] ?? '', env),
  }
}

/** A setting that is one of a few words. */
export function choice<const T extends string>(
  about: Described,
  fallback: NoInfer<T>,
  choices: readonly T[],
): Setting<T> {
  return { ...required(about, fallback, oneOf(choices)), choices }
}

/** A setting that is one of a few words, or absent. */
export function optionalChoice<const T extends string>(
  about: Described,
  choices: readonly T[],
): Setting<T | undefined> {
  return { ...optional(about, oneOf(choices)), choices }
}

/** A flag that may be repeated. */
export function list(about: Described, fallback: readonly string[] = []): Setting<readonly string[]> {
  const shown = fallback.length > 0 ? { fallbackText: fallback.join(',') } : {}
  return { ...shown, ...about, fallback, isList: true, parse: (texts) => texts }
}

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((each) => each === text)
    if (found === undefined) {
      throw new DfhfError('usage', `'${text}' is none of ${choices.join(', ')}`)
    }
    return found
  }
}
