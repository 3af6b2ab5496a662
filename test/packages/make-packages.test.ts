import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePackages } from '../../scripts/build/packages/make-packages.ts'
import { type Target, targets } from '../../scripts/build/targets.ts'
import { checkout } from '../support/program/find-binary.ts'
import { runProcess } from '../support/python/run-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfhf-packages-'))
const own = `linux-${process.arch}`
/** The image of another processor needs a C library that a machine need not have. */
const packed = targets.filter(({ name }) => name === own || !/^linux-(?:x64|arm64)$/.test(name))

beforeAll(() => make('one'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Packs a program that is none, from a file of its own. */
async function make(name: string, of: readonly Target[] = packed): Promise<string> {
  const binary = join(folder, `${name}.binary`)
  writeFileSync(binary, '#!/bin/sh\necho packed\n', { mode: 0o755 })
  const into = join(folder, name)
  await makePackages({ top: checkout, built: of.map((target) => ({ target, path: binary })), into })
  return into
}

test('makes each format for the platforms that have it', () => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
  const [debian, wheel] = own === 'linux-x64' ? ['amd64', 'x86_64'] : ['arm64', 'aarch64']
  const platforms = packed.flatMap(({ name }) => [
    `dfhf-${version}-${name}.tar.gz`,
    `dfhf-${name}-${version}.tgz`,
  ])
  const wheels = [
    `manylinux_2_17_${wheel}.manylinux2014_${wheel}`,
    ...['musllinux_1_2_x86_64', 'musllinux_1_2_aarch64'],
    ...['macosx_13_0_x86_64', 'macosx_13_0_arm64', 'win_amd64', 'win_arm64'],
  ].map((tag) => `dfhf-${version}-py3-none-${tag}.whl`)
  const others = [
    'SHA256SUMS',
    `dfhf-${version}-oci.tar`,
    `dfhf-${version}.tgz`,
    `dfhf_${version}_${debian}.deb`,
  ]
  expect(readdirSync(join(folder, 'one')).sort()).toEqual([...platforms, ...wheels, ...others].sort())
})

test('lists the digest of every file', async () => {
  const { stdout } = await runProcess(['sha256sum', '--check', 'SHA256SUMS'], { cwd: join(folder, 'one') })
  expect(stdout.trim().split('\n')).toHaveLength(readdirSync(join(folder, 'one')).length - 1)
})

test('makes the same bytes of the same binaries, at another time', async () => {
  const again = await make('two')
  const sums = (path: string) => readFileSync(join(path, 'SHA256SUMS'), 'utf8')
  expect(sums(again)).toBe(sums(join(folder, 'one')))
})

test('leaves nothing of an earlier version among the packages', async () => {
  const into = join(folder, 'three')
  await Bun.write(join(into, 'dfhf-0.0.1.tgz'), '')
  await make('three', packed.slice(-1))
  expect(readdirSync(into)).not.toContain('dfhf-0.0.1.tgz')
})

test('tells npm which machines a package is for', async () => {
  const text = async (name: string) => {
    const archive = join(folder, 'one', `dfhf-${name}.tgz`)
    return JSON.parse((await runProcess(['tar', '-xOf', archive, 'package/package.json'])).stdout) as object
  }
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
  expect(await text(`linux-arm64-musl-${version}`)).toMatchObject({
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['musl'],
  })
  expect(await text(`${own}-${version}`)).toMatchObject({
    os: ['linux'],
    cpu: [process.arch],
    libc: ['glibc'],
  })
  expect(await text(`windows-x64-${version}`)).toMatchObject({ name: 'dfhf-windows-x64', os: ['win32'] })
  const launcher = await text(version)
  expect(launcher).toMatchObject({
    bin: { dfhf: 'bin/dfhf.js' },
    optionalDependencies: Object.fromEntries(packed.map(({ name }) => [`dfhf-${name}`, version])),
  })
})

test('says which tool is missing before it compiles for minutes', async () => {
  const path = join(folder, 'poor')
  mkdirSync(path)
  for (const tool of ['tar', 'gzip']) symlinkSync(Bun.which(tool) ?? '', join(path, tool))
  const into = join(folder, 'never')
  const build = [process.execPath, join(checkout, 'scripts/build.ts'), '--packages', '--target', own]
  const options = { env: { PATH: path }, allowsFailure: true }
  const { exitCode, stderr } = await runProcess([...build, '--into', into], options)
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain('packages need dpkg-deb')
  expect(existsSync(into)).toBe(false)
})
