import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  copyFileSync,
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
import { basename, join } from 'node:path'
import { makePackages } from '../../scripts/build/packages/make-packages.ts'
import type { BuiltBinary } from '../../scripts/build/packages/packing.ts'
import { targets } from '../../scripts/build/targets.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { canRunArm64, onArm64 } from '../support/program/arm64.ts'
import { dfhfBinary, runDfhf, startDfhf } from '../support/program/binary.ts'
import { checkout } from '../support/program/find-binary.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { inThrowawaySystem } from '../support/program/throwaway-system.ts'
import { downloadWeights, expectExact, weightsRepo } from '../support/program/weights.ts'
import { runProcess } from '../support/python/run-process.ts'
import { canRunPython } from '../support/python/venv.ts'
import { inRoot, unpackImage } from './image-root.ts'
import { startNpmRegistry } from './npm-registry.ts'

// Bun for arm64 may have to come from the registry first, and an emulated processor is slow.
setDefaultTimeout(300_000)

const folder = mkdtempSync(join(tmpdir(), 'dfhf-packages-'))
const packages = join(folder, 'packages')
const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
const hasArm64 = process.arch !== 'arm64' && canRunArm64()
const cpu =
  process.arch === 'arm64' ? { python: 'aarch64', debian: 'arm64' } : { python: 'x86_64', debian: 'amd64' }

/** A container may be refused where this runs in one itself. */
const canBoot = process.getuid?.() === 0 && hasPrograms('systemd-nspawn', 'systemd-analyze', 'dpkg', 'curl')

/** A new folder for one installation. */
const scratch = temporaryFolders()

afterAll(() => rmSync(folder, { recursive: true, force: true }))

let pipMade: Promise<{ readonly venv: string; readonly pip: readonly string[] }> | undefined

/** The pip of a fresh virtual environment, one for all tests: the system's Python need not have any. */
function ensurePip() {
  const make = async () => {
    const venv = join(folder, 'venv')
    await runProcess(['python3', '-m', 'venv', venv])
    return { venv, pip: [join(venv, 'bin/pip'), '--disable-pip-version-check'] }
  }
  pipMade ??= make()
  return pipMade
}

/** A machine without any Hub. */
function lonely(): Machine {
  return newMachine('http://127.0.0.1:9')
}

async function expectRuns(binary: string, prefix: readonly string[] = []): Promise<void> {
  using machine = lonely()
  expect(await runDfhf(machine, ['--version'], { binary, prefix })).toEqual({
    code: 0,
    stdout: `${version}\n`,
    stderr: '',
  })
}

function built(name: string, path: string): BuiltBinary[] {
  return targets.filter((target) => target.name === name).map((target) => ({ target, path }))
}

async function installDeb(root: string, architecture: string): Promise<readonly string[]> {
  mkdirSync(join(root, 'var/lib/dpkg/info'), { recursive: true })
  mkdirSync(join(root, 'var/lib/dpkg/updates'))
  writeFileSync(join(root, 'var/lib/dpkg/status'), '')
  // An empty root has no C library that dpkg knows of, and nothing that a script could run in.
  const force = ['--force-depends', '--force-architecture', '--force-script-chrootless']
  const dpkg = ['dpkg', `--root=${root}`, `--log=${join(root, 'dpkg.log')}`, ...force]
  await runProcess([...dpkg, '-i', join(packages, `dfhf_${version}_${architecture}.deb`)])
  return dpkg
}

/** What an administrator does, told line by line. */
const serviceTrial = `
show() { systemctl show --property="$1" --value dfhf; }
dpkg --install /trial/dfhf.deb >&2
echo "installed: $(systemctl is-enabled dfhf) $(show ActiveState)"
echo HF_ENDPOINT=http://127.0.0.1:9 > /etc/dfhf/environment
systemctl enable --now dfhf; code=$?
echo "started: $code $(show ActiveState) $(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:65001/healthz)"
systemd-analyze security dfhf | sed -n 's/.*level for dfhf.service: \\([0-9.]*\\).*/exposure: \\1/p'
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' > /etc/dfhf/cluster.key; chmod 600 /etc/dfhf/cluster.key
mkdir /run/systemd/system/dfhf.service.d
{ echo '[Service]'; sed -n 's/^# *\\(LoadCredential=\\|Environment=DFHF_CLUSTER_KEY_FILE\\)/\\1/p' /usr/lib/systemd/system/dfhf.service
} > /run/systemd/system/dfhf.service.d/key.conf
systemctl daemon-reload; systemctl restart dfhf; code=$?
echo "with a key that root alone may read: $code $(show ActiveState)"
echo DFHF_STORE_QUOTA=lots >> /etc/dfhf/environment
systemctl restart dfhf; code=$?
echo "with a wrong setting: $code $(show ActiveState) $(show Result)"
sed -i '$d' /etc/dfhf/environment
systemctl restart dfhf; systemctl stop dfhf; code=$?
echo "stopped: $code $(show ActiveState) $(show Result)"
systemctl start dfhf; rm -r /etc/dfhf/environment /etc/dfhf/cluster.key /run/systemd/system/dfhf.service.d
dpkg --purge dfhf >&2; code=$?
echo "purged: $code $(show ActiveState)"
echo left: $(find /etc /usr /var -xdev -name dfhf -o -name dfhf.service)
`

describe.skipIf(process.platform !== 'linux')('installed from its package, dfhf runs:', () => {
  beforeAll(async () => {
    const arm64 = hasArm64 ? built('linux-arm64', (await onArm64()).binary) : []
    const own = built(`linux-${process.arch}`, await dfhfBinary())
    await makePackages({ top: checkout, built: [...own, ...arm64], into: packages, compression: 1 })
  })

  test.skipIf(!canRunPython())('a wheel, by pip into a venv', async () => {
    const { pip, venv } = await ensurePip()
    await runProcess([...pip, 'install', '--quiet', '--no-index', '--find-links', packages, 'dfhf'])
    await expectRuns(join(venv, 'bin/dfhf'))
    const { stdout } = await runProcess([...pip, 'show', '--files', 'dfhf'])
    expect(stdout.match(/^ {2}(?!dfhf-).*$/gm)).toEqual(['  ../../../bin/dfhf'])
    await runProcess([...pip, 'uninstall', '--quiet', '--yes', 'dfhf'])
    expect(readdirSync(join(venv, 'bin'))).not.toContain('dfhf')
  })

  test.skipIf(!canRunPython())('a wheel whose record is right', async () => {
    const [wheel = ''] = readdirSync(packages).filter((name) => name.endsWith(`_${cpu.python}.whl`))
    const check = `
import base64, csv, hashlib, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
record = next(name for name in wheel.namelist() if name.endswith('/RECORD'))
rows = list(csv.reader(wheel.read(record).decode().splitlines()))
assert sorted(row[0] for row in rows) == sorted(wheel.namelist())
for path, digest, size in rows:
    data = wheel.read(path)
    found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
    assert path == record or (digest, size) == ('sha256=' + found, str(len(data))), path
`
    await runProcess(['python3', '-c', check, join(packages, wheel)])
  })

  test('npm packages, of which npm takes the one that fits, by npx too', async () => {
    await using registry = await startNpmRegistry(packages)
    const project = scratch()
    const settings = [
      `registry=${registry.url}`,
      `cache=${join(project, 'cache')}`,
      'audit=false',
      'fund=false',
    ]
    // Without it npm would look for a project in the folders above.
    writeFileSync(join(project, 'package.json'), '{}')
    writeFileSync(join(project, '.npmrc'), settings.join('\n'))
    const env = { PATH: process.env.PATH ?? '', HOME: project }
    await runProcess(['npm', 'install', 'dfhf'], { cwd: project, env })
    const installed = readdirSync(join(project, 'node_modules')).filter((name) => name.startsWith('dfhf'))
    expect(installed.sort()).toEqual(['dfhf', `dfhf-linux-${process.arch}`])
    await expectRuns(join(project, 'node_modules/.bin/dfhf'))
    const npx = await runProcess(['npx', 'dfhf', 'download', '--help'], { cwd: project, env })
    expect(npx.stdout).toContain('Usage: dfhf download')
  })

  test('npm packages, which hand exit codes and signals on', async () => {
    const modules = join(scratch(), 'node_modules')
    for (const name of ['dfhf', `dfhf-linux-${process.arch}`]) {
      mkdirSync(join(modules, name), { recursive: true })
      const archive = join(packages, `${name}-${version}.tgz`)
      await runProcess(['tar', '-xzf', archive, '-C', join(modules, name), '--strip-components=1'])
    }
    const launcher = { prefix: ['node'], binary: join(modules, 'dfhf/bin/dfhf.js') }
    using machine = lonely()
    const wrong = await runDfhf(machine, ['--no-such-flag'], launcher)
    expect(wrong).toEqual(await runDfhf(machine, ['--no-such-flag']))
    expect(wrong.code).toBe(2)
    const flags = ['--no-multicast', '--gateway', 'off', '--listen', '127.0.0.1:0']
    const env = { DFHF_NO_PEERS: undefined }
    await using serve = await startDfhf(machine, ['serve', ...flags], { ...launcher, env })
    await serve.told(/to peers on port (\d+)\n/)
    serve.kill('SIGTERM')
    expect(await serve.result).toMatchObject({ code: 0 })
    rmSync(join(modules, `dfhf-linux-${process.arch}`), { recursive: true })
    expect(await runDfhf(machine, ['--version'], launcher)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`no package of dfhf for linux-${process.arch} is installed`),
    })
  })

  test('a .deb, by dpkg into a scratch root, and is removed again', async () => {
    const root = scratch()
    const dpkg = await installDeb(root, cpu.debian)
    await expectRuns(join(root, 'usr/bin/dfhf'))
    const unit = readFileSync(join(root, 'usr/lib/systemd/system/dfhf.service'), 'utf8')
    expect(unit).toContain('\nExecStart=/usr/bin/dfhf serve')
    expect(unit).not.toContain('/usr/local')
    await runProcess([...dpkg, '--remove', 'dfhf'])
    expect(
      readdirSync(root, { recursive: true }).filter((path) => basename(String(path)) === 'dfhf'),
    ).toEqual([])
  })

  test('a .deb, of which a purge leaves nothing, not even what the service has fetched', async () => {
    const root = scratch()
    const dpkg = await installDeb(root, cpu.debian)
    // As systemd keeps the state of a user that is there only while the service runs.
    const state = join(root, 'var/lib/private/dfhf')
    mkdirSync(join(state, 'dfhf/store'), { recursive: true })
    symlinkSync('private/dfhf', join(root, 'var/lib/dfhf'))
    await runProcess([...dpkg, '--remove', 'dfhf'])
    expect(existsSync(state)).toBe(true)
    await runProcess([...dpkg, '--purge', 'dfhf'])
    const left = readdirSync(root, { recursive: true }).map(String)
    expect(left.filter((path) => basename(path) === 'dfhf')).toEqual([])
  })

  test.skipIf(!canBoot)(
    'a .deb, under systemd: its unit starts, fails at a wrong setting, and a purge leaves nothing',
    async () => {
      const folder = scratch()
      copyFileSync(join(packages, `dfhf_${version}_${cpu.debian}.deb`), join(folder, 'dfhf.deb'))
      const said = await inThrowawaySystem(folder, serviceTrial)
      expect(said.split('\n')).toEqual([
        'installed: disabled inactive',
        'started: 0 active 200',
        expect.stringMatching(/^exposure: (?:[01]\.\d|2\.[0-5])$/),
        'with a key that root alone may read: 0 active',
        'with a wrong setting: 1 failed exit-code',
        'stopped: 0 inactive success',
        'purged: 0 inactive',
        'left:',
        '',
      ])
    },
  )

  test('a tar.gz', async () => {
    const root = scratch()
    const name = `dfhf-${version}-linux-${process.arch}`
    await runProcess(['tar', '-xzf', join(packages, `${name}.tar.gz`), '-C', root])
    expect(readdirSync(join(root, name)).sort()).toEqual(['README.md', 'dfhf', 'dfhf.service'])
    await expectRuns(join(root, name, 'dfhf'))
  })

  test.skipIf(process.getuid?.() !== 0)('an image, alone in its root, as its user', async () => {
    const image = await unpackImage(join(packages, `dfhf-${version}-oci.tar`), cpu.debian, scratch())
    const prefix = inRoot(image)
    await expectRuns(image.program, prefix)
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const env = { ...image.env, HF_ENDPOINT: hub.url }
    const result = await runDfhf(machine, downloadWeights, { binary: image.program, prefix, env })
    expectExact(hub, { ...result, stdout: `${image.root}${result.stdout}` })
    expect(result.stdout).toStartWith(`${image.env.HF_HOME}/hub/`)
  })

  describe.skipIf(!hasArm64)('for linux-arm64,', () => {
    const emulator = ['qemu-aarch64']

    test.skipIf(!canRunPython())('a wheel, which pip takes for that platform', async () => {
      const into = scratch()
      const { pip } = await ensurePip()
      const where = ['--no-index', '--find-links', packages, '--target', into]
      const only = ['--only-binary=:all:', '--platform', 'manylinux2014_aarch64']
      await runProcess([...pip, 'install', '--quiet', ...where, ...only, 'dfhf'])
      await expectRuns(join(into, 'bin/dfhf'), (await onArm64()).prefix)
    })

    test('a .deb, and an image with the C library that it needs', async () => {
      const root = scratch()
      await installDeb(root, 'arm64')
      const image = await unpackImage(join(packages, `dfhf-${version}-oci.tar`), 'arm64', scratch())
      const inImage = [...emulator, '-L', image.root]
      await expectRuns(join(root, 'usr/bin/dfhf'), inImage)
      await expectRuns(join(image.root, image.program), inImage)
    })
  })
})
