import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from './run-tool.ts'
import type { Target } from './targets.ts'

/**
 * The path of Bun for another platform. It comes from the npm registry by npm itself, so that a mirror or a proxy set
 * for npm is used, and is checked against package-lock.json; kept in node_modules for the next build.
 */
export async function fetchRuntime(top: string, target: Target): Promise<string> {
  const { version, integrity } = await lockedPackage(top, target.package)
  const cache = join(top, 'node_modules/.cache/dfhf-runtimes')
  const folder = join(cache, `${target.name}-${version}`)
  const runtime = join(folder, 'package', target.runtime)
  if (await exists(runtime)) return runtime
  await mkdir(cache, { recursive: true })
  const temporary = await mkdtemp(join(cache, 'unpacking-'))
  try {
    const archive = await pack(top, `${target.package}@${version}`, temporary)
    await checkIntegrity(archive, integrity)
    await runTool(['tar', '-xzf', archive, '-C', temporary])
    await rm(archive)
    await rename(temporary, folder).catch(async (error: unknown) => {
      // Another build put it there meanwhile, and reads it.
      if (!(await exists(runtime))) throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return runtime
}

async function pack(top: string, spec: string, into: string): Promise<string> {
  await runTool(['npm', 'pack', spec, '--silent', '--pack-destination', into], top)
  const [archive] = (await readdir(into)).filter((name) => name.endsWith('.tgz'))
  if (archive === undefined) throw new Error(`npm packed nothing for ${spec}`)
  return join(into, archive)
}

async function lockedPackage(top: string, name: string): Promise<{ version: string; integrity: string }> {
  const lock: unknown = JSON.parse(await readFile(join(top, 'package-lock.json'), 'utf8'))
  const entry = field(field(lock, 'packages'), `node_modules/${name}`)
  const [version, integrity] = [field(entry, 'version'), field(entry, 'integrity')]
  if (typeof version !== 'string' || typeof integrity !== 'string') {
    throw new Error(`package-lock.json does not name ${name}`)
  }
  return { version, integrity }
}

async function checkIntegrity(path: string, integrity: string): Promise<void> {
  const digest = createHash('sha512')
    .update(await readFile(path))
    .digest('base64')
  if (integrity !== `sha512-${digest}`) throw new Error(`${path} is not what package-lock.json says`)
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
