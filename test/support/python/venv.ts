import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProcess } from './run-process.ts'

const root = join(import.meta.dir, '../../../.venv')

/** Whether Python tests can run here; where they cannot they are skipped, and on CI they fail. */
export function canRunPython(): boolean {
  if (Bun.which('python3') !== null) return true
  if (process.env.CI === 'true')
    throw new Error('python3 is missing, and CI must prove that the real clients work')
  process.stderr.write('skipped: python3 is missing, so the real clients cannot be tried\n')
  return false
}

/** The Python of a virtual environment with these requirements, made on first use and kept under `.venv/`. */
export async function ensureVenv(name: string, requirements: readonly string[]): Promise<string> {
  const folder = join(root, name)
  const python = join(folder, 'bin/python')
  mkdirSync(root, { recursive: true })
  while (!isReady(folder, requirements)) {
    const release = takeTurn(`${folder}.building`)
    if (!release) {
      // Another process builds it and gives no sign when it has.
      await Bun.sleep(250)
      continue
    }
    try {
      await build(folder, python, requirements)
    } finally {
      release()
    }
  }
  return python
}

async function build(folder: string, python: string, requirements: readonly string[]): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  await runProcess(['python3', '-m', 'venv', folder])
  const pip = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements]
  await runProcess(pip)
  writeFileSync(marker(folder), JSON.stringify(requirements))
}

function isReady(folder: string, requirements: readonly string[]): boolean {
  try {
    return readFileSync(marker(folder), 'utf8') === JSON.stringify(requirements)
  } catch {
    return false
  }
}

function marker(folder: string): string {
  return join(folder, 'requirements.json')
}

/** Takes the right to build, unless another living process has it. */
function takeTurn(file: string): (() => void) | undefined {
  try {
    const descriptor = openSync(file, 'wx')
    writeFileSync(descriptor, String(process.pid))
    closeSync(descriptor)
    return () => rmSync(file, { force: true })
  } catch {
    if (!isAlive(file)) rmSync(file, { force: true })
    return undefined
  }
}

function isAlive(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    if (pid > 0) process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
