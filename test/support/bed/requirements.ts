/** What the bed needs and this machine lacks; undefined when it can be laid out here. */
function missingForBed(): string | undefined {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  const tool = ['ip', 'tc'].find((name) => Bun.which(name) === null)
  return tool && `the program ${tool} (iproute2)`
}

/** Says so and returns false where the bed cannot be laid out; under CI that is an error. */
export function canLayBed(): boolean {
  const missing = missingForBed()
  if (missing === undefined) return true
  if (process.env.CI) throw new Error(`the bed needs ${missing}`)
  process.stderr.write(`the bed is skipped: it needs ${missing}\n`)
  return false
}
