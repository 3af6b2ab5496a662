/** Whether these programs are here; where one is not its tests are skipped with a word, and on CI they fail. */
export function hasPrograms(...names: readonly string[]): boolean {
  const missing = names.filter((name) => Bun.which(name) === null)
  if (missing.length === 0) return true
  if (process.env.CI === 'true')
    throw new Error(`${missing.join()} is missing, and CI must prove that it works`)
  process.stderr.write(`skipped: ${missing.join()} is missing\n`)
  return false
}
