/** Runs a program and throws what it said when it fails. */
export async function runTool(command: readonly string[], cwd?: string): Promise<void> {
  const child = Bun.spawn([...command], {
    stdout: 'pipe',
    stderr: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  })
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${errors || output}`)
}
