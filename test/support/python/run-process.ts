/** What a process left behind. */
export interface ProcessResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** How to run it: the whole environment where given, and what stands for success. */
export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
  /** Lets any exit code pass. @default false: anything but 0 throws with what it wrote */
  readonly allowsFailure?: boolean
}

/** Runs a program to its end. */
export async function runProcess(
  command: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  const child = Bun.spawn([...command], {
    stdin: options.stdin === undefined ? 'ignore' : new TextEncoder().encode(options.stdin),
    stdout: 'pipe',
    stderr: 'pipe',
    ...(options.env && { env: { ...options.env } }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (exitCode !== 0 && !options.allowsFailure) {
    throw new Error(`${command.slice(0, 4).join(' ')} exited with ${exitCode}:\n${stderr}\n${stdout}`)
  }
  return { exitCode, stdout, stderr }
}
