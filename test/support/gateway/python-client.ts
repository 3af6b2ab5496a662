import { mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { clientVersions } from '../python/client-versions.ts'
import { RealClient } from '../python/real-client.ts'
import { runProcess } from '../python/run-process.ts'
import { clientEnv } from '../python/run-python.ts'
import { ensureVenv } from '../python/venv.ts'

/** A release of huggingface_hub by the name of its environment. */
export type ClientVersion = keyof typeof clientVersions

/** Which client, and what it is told. */
export interface PythonClientOptions {
  readonly version: ClientVersion
  readonly endpoint: string
  /** HOME of the client; made where it is not there. */
  readonly home: string
  readonly token?: string
  /** `none` as if hf_xet were not installed, `off` by its switch. @default 'used' where announced */
  readonly xet?: 'used' | 'off' | 'none'
}

/** A client that is ready to run. */
export interface PythonClient {
  readonly python: string
  /** Its command line program. */
  readonly hf: string
  readonly env: Readonly<Record<string, string>>
  readonly cacheDir: string
  readonly calls: RealClient
}

/** Installs the client where needed; its home and cache are its own. */
export async function pythonClient(options: PythonClientOptions): Promise<PythonClient> {
  const { version, endpoint, home, token, xet = 'used' } = options
  const venv = await ensureVenv(version, clientVersions[version])
  const hidden = xet === 'none' ? await withoutXet(venv) : undefined
  const python = hidden?.python ?? venv
  mkdirSync(home, { recursive: true })
  const cacheDir = join(home, 'hf/hub')
  const env = {
    ...clientEnv({ endpoint, home, usesXet: xet !== 'off', ...(token !== undefined && { token }) }),
    ...(hidden && { PYTHONPATH: hidden.packages }),
  }
  return { python, hf: join(dirname(venv), 'hf'), env, cacheDir, calls: new RealClient(python, env) }
}

const hiddenXet = new Map<string, Promise<{ python: string; packages: string }>>()

/** The packages of an environment but hf_xet, and a Python that knows no others. */
function withoutXet(venvPython: string): Promise<{ python: string; packages: string }> {
  let made = hiddenXet.get(venvPython)
  if (!made) {
    made = linkPackages(venvPython)
    hiddenXet.set(venvPython, made)
  }
  return made
}

async function linkPackages(venvPython: string): Promise<{ python: string; packages: string }> {
  const ask = 'import sys, sysconfig; print(sys._base_executable); print(sysconfig.get_path("purelib"))'
  const { stdout } = await runProcess([venvPython, '-c', ask])
  const [python = '', installed = ''] = stdout.trim().split('\n')
  const packages = mkdtempSync(join(tmpdir(), 'dfhf-no-xet-'))
  for (const name of readdirSync(installed))
    if (!/^hf[_-]xet/i.test(name)) symlinkSync(join(installed, name), join(packages, name))
  return { python, packages }
}
