import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** What one run of a program cost. */
export interface Cost {
  readonly wallMs: number
  /** User and system time of the program and its children. */
  readonly cpuMs: number
  /** The most memory that it had resident, in bytes; its children's not included. */
  readonly peakMemory: number
  readonly stdout: string
}

/** How often the peak is looked up, in ms; the kernel keeps the high-water mark, so only the last moments can be missed. */
const LOOK_EVERY_MS = 10

/** The unit of times in /proc, on every Linux of today. */
const MS_PER_TICK = 10

/** Runs a program to its end; throws with what it said when it fails. */
export async function measure(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Cost> {
  const startedAt = performance.now()
  const child = Bun.spawn([...command], {
    env: { ...env },
    // Not the project's own folder, which has the sources of what is measured.
    cwd: tmpdir(),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let peakMemory = 0
  const look = () => {
    peakMemory = Math.max(peakMemory, highWaterOf(child.pid))
  }
  const looking = setInterval(look, LOOK_EVERY_MS)
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  const wallMs = performance.now() - startedAt
  clearInterval(looking)
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}:\n${stderr}${stdout}`)
  const { cpuTime } = child.resourceUsage() ?? {}
  return { wallMs, cpuMs: Number(cpuTime?.total ?? 0) / 1000, peakMemory, stdout }
}

/** One thing after the other, as one cost. */
export function sum(first: Cost, second: Cost): Cost {
  return {
    wallMs: first.wallMs + second.wallMs,
    cpuMs: first.cpuMs + second.cpuMs,
    peakMemory: Math.max(first.peakMemory, second.peakMemory),
    stdout: second.stdout,
  }
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
}

/** User and system time of a process and its children so far, in ms. */
export function cpuMsOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  // What follows the name, which is in brackets and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
  return children.reduce((sum, child) => sum + cpuMsOf(Number(child)), own)
}

/** Memory that a process has resident now, in bytes. */
export function residentSizeOf(pid: number): number {
  return statusSizeOf(pid, 'VmRSS')
}

/** The kernel's own mark of the process's memory; 0 when it is gone or there is no such mark. */
function highWaterOf(pid: number): number {
  try {
    return statusSizeOf(pid, 'VmHWM')
  } catch {
    return 0
  }
}

function statusSizeOf(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
}
