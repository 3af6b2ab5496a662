/** The environment variables of the process, handed in by the entry. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The first of `names` that is set to something, with its value. An empty variable counts as unset. */
export function firstSet(
  env: Environment,
  names: readonly string[],
): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = env[name]?.trim()
    if (value) return { name, value }
  }
  return undefined
}

/** Whether an environment variable says yes, by the words that huggingface_hub takes for it: 1, on, yes, true. */
export function isSwitchedOn(text: string | undefined): boolean {
  return ['1', 'on', 'yes', 'true'].includes((text ?? '').trim().toLowerCase())
}
