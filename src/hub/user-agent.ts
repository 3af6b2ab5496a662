/**
 * The User-Agent in the Hub's form: `dfhf/0.1.0; bun/1.4.5; origin/x`. Only name and version when telemetry is off;
 * HF_HUB_USER_AGENT_ORIGIN is added in any case, since the user asked for it.
 */
export function userAgent(version: string, env: Readonly<Record<string, string | undefined>>): string {
  const switches = ['HF_HUB_DISABLE_TELEMETRY', 'DISABLE_TELEMETRY', 'DO_NOT_TRACK']
  const isQuiet = switches.some((name) => /^(?:1|on|yes|true)$/i.test(env[name] ?? ''))
  const origin = env.HF_HUB_USER_AGENT_ORIGIN?.replace(/[^\x20-\x7e]/g, '').trim()
  return [
    `dfhf/${version}`,
    ...(isQuiet ? [] : [`bun/${Bun.version}`]),
    ...(origin ? [`origin/${origin}`] : []),
  ].join('; ')
}
