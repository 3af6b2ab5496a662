import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CLibrary, copyCLibrary } from '../../scripts/build/packages/c-library.ts'
import { inRoot } from '../packages/image-root.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { dfhfBinary, runDfhf } from '../support/program/binary.ts'
import { checkout } from '../support/program/find-binary.ts'
import { newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, weightsRepo } from '../support/program/weights.ts'
import { runProcess } from '../support/python/run-process.ts'

setDefaultTimeout(120_000)

const folder = mkdtempSync(join(tmpdir(), 'dfhf-image-'))
const context = join(folder, 'context')
const base = 'docker.io/library/debian:13.1-slim'
const isRoot = process.platform === 'linux' && process.getuid?.() === 0
const cpu =
  process.arch === 'arm64'
    ? { name: 'arm64', loader: '/lib/ld-linux-aarch64.so.1', triplet: 'aarch64-linux-gnu' }
    : { name: 'amd64', loader: '/lib64/ld-linux-x86-64.so.2', triplet: 'x86_64-linux-gnu' }

async function buildah(...args: readonly string[]): Promise<string> {
  const storage = [
    '--root',
    join(folder, 'images'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    'vfs',
  ]
  return (await runProcess(['buildah', ...storage, ...args])).stdout.trim()
}

/** Builds the image, or one of its stages, as `podman build` does; resolves to the root of a container of it. */
async function build(...more: readonly string[]): Promise<string> {
  const file = join(checkout, 'scripts/deploy/Dockerfile')
  await buildah(
    'build',
    '--isolation',
    'chroot',
    '--pull-never',
    '--file',
    file,
    '--tag',
    'built',
    ...more,
    context,
  )
  return await buildah('mount', await buildah('from', '--pull-never', 'localhost/built'))
}

/** No registry is asked: what the Dockerfile needs of its base is a shell with the usual commands, and the C library. */
async function makeBase(): Promise<void> {
  const root = join(folder, 'base')
  const library: CLibrary = { ...cpu, package: 'libc6' }
  await copyCLibrary(library, root)
  for (const path of ['bin', 'usr/local/bin', 'var/lib', 'etc'])
    mkdirSync(join(root, path), { recursive: true })
  cpSync(Bun.which('busybox') ?? '', join(root, 'bin/busybox'), { dereference: true })
  for (const name of ['sh', 'mkdir', 'mv', 'chmod']) symlinkSync('busybox', join(root, 'bin', name))
  const container = await buildah('from', 'scratch')
  await buildah('add', container, root, '/')
  await buildah('commit', '--rm', container, base)
}

describe.skipIf(!isRoot || !hasPrograms('buildah', 'busybox'))('the image of the Dockerfile', () => {
  beforeAll(async () => {
    const dist = join(context, 'dist')
    mkdirSync(dist, { recursive: true })
    cpSync(await dfhfBinary(), join(dist, `dfhf-linux-${process.arch}`))
    await makeBase()
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('has the binary and a folder that every user may write to, and runs as its user', async () => {
    const root = await build()
    const own = readdirSync(root, { recursive: true }).map(String)
    const before = new Set(readdirSync(join(folder, 'base'), { recursive: true }).map(String))
    const added = own.filter((path) => !before.has(path) && !/^(?:dev|proc|sys|run|etc)\b/.test(path))
    expect(added.sort()).toEqual(['usr/local/bin/dfhf', 'var/lib/dfhf'])
    expect(statSync(join(root, 'var/lib')).uid).toBe(0)
    expect(statSync(join(root, 'var/lib/dfhf')).mode & 0o7777).toBe(0o1777)

    const format = '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}'
    const about = await buildah('inspect', '--type', 'image', '--format', format, 'localhost/built')
    expect(about).toBe('65534:65534 [dfhf] [serve]')
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const state = '/var/lib/dfhf'
    const image = { root, program: '/usr/local/bin/dfhf', user: '65534:65534', env: {} }
    const env = { HOME: state, HF_HOME: state }
    const result = await runDfhf(machine, downloadWeights, {
      binary: image.program,
      prefix: inRoot(image),
      env,
    })
    expectExact(hub, { ...result, stdout: `${root}${result.stdout}` })
  })

  test('has the binary of the processor that it is for', async () => {
    const [other, architecture] = process.arch === 'arm64' ? ['x64', 'amd64'] : ['arm64', 'arm64']
    writeFileSync(join(context, `dist/dfhf-linux-${other}`), `for ${other}`)
    const root = await build('--target', 'files', '--build-arg', `TARGETARCH=${architecture}`)
    expect(await Bun.file(join(root, 'bin-of-image/dfhf')).text()).toBe(`for ${other}`)
  })
})
