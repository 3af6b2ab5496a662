import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { isObject } from '../../src/base/json-object.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'
import { startTestHub, type TestHub } from '../support/hub/test-hub.ts'
import { dfhfBinary } from '../support/program/binary.ts'
import { checkout } from '../support/program/find-binary.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { type ProcessResult, runProcess } from '../support/python/run-process.ts'

setDefaultTimeout(60_000)
const deploy = join(checkout, 'scripts/deploy')
const canRun = hasPrograms('bash', 'openssl', 'tar')

const start = () =>
  startTestHub({
    repos: [
      {
        id: 'org/model',
        commits: [
          {
            'config.json': '{}\n',
            'w.safetensors': { seed: 'w', size: 100_000, lfs: true },
            'w.bin': 'old\n',
          },
        ],
      },
      { id: 'org/data', type: 'dataset', commits: [{ 'a.csv': 'a\n', 'a.bin': 'b\n' }] },
    ],
  })

/** A machine with dfhf on its PATH, and a Slurm that has it alone. */
async function machineFor(hub: TestHub): Promise<Machine> {
  const machine = newMachine(hub.url)
  const bin = join(machine.folder, 'bin')
  mkdirSync(bin)
  symlinkSync(await dfhfBinary(), join(bin, 'dfhf'))
  writeFileSync(join(bin, 'srun'), '#!/bin/sh\nshift; exec "$@"\n', { mode: 0o755 })
  writeFileSync(join(bin, 'scontrol'), '#!/bin/sh\necho localhost\n', { mode: 0o755 })
  const env = { ...machine.env, PATH: `${bin}${delimiter}${machine.env.PATH}`, SLURM_TMPDIR: machine.folder }
  return { ...machine, env }
}

function inBash(
  machine: Machine,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ProcessResult> {
  const command = ['bash', '-eo', 'pipefail', '-c', script]
  return runProcess(command, { cwd: machine.folder, env: { ...machine.env, ...env }, allowsFailure: true })
}

/** A text of a YAML file that stands at a path of keys and indexes. */
function textIn(file: string, ...path: readonly (string | number)[]): string {
  let at: unknown = Bun.YAML.parse(readFileSync(join(deploy, file), 'utf8'))
  for (const key of path) at = Array.isArray(at) ? at.at(Number(key)) : isObject(at) ? at[key] : undefined
  if (typeof at !== 'string') throw new Error(`${file} has no text at ${path.join('.')}`)
  return at
}

async function withLock(machine: Machine): Promise<void> {
  writeFileSync(join(machine.folder, 'models.txt'), 'org/model *.json\ndatasets/org/data\n')
  const { exitCode, stderr } = await inBash(
    machine,
    'dfhf snapshot --from models.txt --lock models.lock --dry-run',
  )
  expect(exitCode, stderr).toBe(0)
}

test.skipIf(!canRun)('every block of the recipes that begins with bash works as it stands', async () => {
  await using hub = await start()
  using machine = await machineFor(hub)
  const blocks = readFileSync(join(deploy, 'README.md'), 'utf8').matchAll(/^```bash\n([\s\S]*?)^```$/gm)
  let count = 0
  for (const [, script = ''] of blocks) {
    const { exitCode, stderr } = await inBash(machine, script)
    expect([script, exitCode, stderr.includes('error')]).toEqual([script, 0, false])
    count += 1
  }
  expect(count).toBeGreaterThanOrEqual(5)
  const lock = JSON.parse(readFileSync(join(machine.folder, 'models.lock'), 'utf8'))
  expect(lock).toMatchObject({
    repos: [
      { repo: 'org/data', files: [{ path: 'a.csv' }] },
      { repo: 'org/model', files: [{ path: 'config.json' }, { path: 'w.safetensors' }] },
    ],
  })
})

test.skipIf(!canRun)(
  "the action's own step fetches, names the folders and prepares the next steps",
  async () => {
    await using hub = await start()
    using machine = await machineFor(hub)
    await withLock(machine)
    const step = textIn('action/action.yml', 'runs', 'steps', -1, 'run')
    const [output, next] = ['output', 'env'].map((name) => join(machine.folder, name))
    const env = {
      HF_HUB_CACHE: join(machine.folder, 'cache'),
      HF_TOKEN: '',
      LOCK: 'models.lock',
      FROM: 'models.txt',
      MORE: '--quiet --max-workers 2',
      OFFLINE: 'true',
      GITHUB_OUTPUT: output ?? '',
      GITHUB_ENV: next ?? '',
    }
    const { exitCode, stderr } = await inBash(machine, step, env)
    expect([exitCode, stderr]).toEqual([0, ''])
    const folders = readFileSync(env.GITHUB_OUTPUT, 'utf8').split('\n')
    expect(folders).toEqual([
      'paths<<END-OF-PATHS',
      expect.stringContaining(`${env.HF_HUB_CACHE}/models--org--model/snapshots/`),
      expect.stringContaining(`${env.HF_HUB_CACHE}/datasets--org--data/snapshots/`),
      'END-OF-PATHS',
      '',
    ])
    expect(readFileSync(env.GITHUB_ENV, 'utf8')).toBe(`HF_HUB_CACHE=${env.HF_HUB_CACHE}\nHF_HUB_OFFLINE=1\n`)
    writeFileSync(join(machine.folder, 'models.txt'), 'org/model\n')
    expect((await inBash(machine, step, env)).exitCode).toBe(2)
  },
)

test.skipIf(!canRun)('the job of GitLab CI fetches into the project', async () => {
  await using hub = await start()
  using machine = await machineFor(hub)
  await withLock(machine)
  const project = { CI_PROJECT_DIR: machine.folder }
  const cache = textIn('gitlab-ci.yml', 'test', 'variables', 'HF_HUB_CACHE')
  const command = textIn('gitlab-ci.yml', 'test', 'before_script', -1)
  const { exitCode, stdout, stderr } = await inBash(
    machine,
    `export HF_HUB_CACHE=${cache}\n${command}`,
    project,
  )
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toStartWith(join(machine.folder, '.hf/hub/models--org--model'))
})

test.skipIf(!canRun)("the step of a Docker build fetches with the build's secret", async () => {
  const secret = { id: 'org/secret', private: true, commits: [{ 'config.json': '{}\n' }] }
  const users = [{ name: 'in', token: 'hf_in', access: ['org/secret'] }]
  await using hub = await startTestHub({ repos: [secret], users })
  using machine = await machineFor(hub)
  const lock = 'dfhf snapshot org/secret --lock models.lock --dry-run'
  expect((await inBash(machine, lock, { HF_TOKEN: 'hf_in' })).exitCode).toBe(0)
  const readme = readFileSync(join(deploy, 'README.md'), 'utf8')
  const step = /^RUN --mount=type=secret,id=hf_token (.*)$/m.exec(readme)?.[1] ?? ''
  expect(step).toContain('/run/secrets/hf_token')
  const mounted = join(machine.folder, 'mounted')
  writeFileSync(mounted, 'hf_in')
  const script = step.replace('/run/secrets/hf_token', mounted)
  const { exitCode, stderr } = await inBash(machine, script, { DFHF_SEEDS: '' })
  expect(exitCode, stderr).toBe(0)
})

test('nothing that CI copies has a token go over plain http', () => {
  for (const file of ['ci.yml', 'gitlab-ci.yml', 'action/action.yml']) {
    const text = readFileSync(join(deploy, file), 'utf8')
    expect([file, /HF_ENDPOINT: *http:|ALLOW_PLAIN_HTTP/.test(text)]).toEqual([file, false])
  }
})

test.skipIf(Bun.which('actionlint') === null)('actionlint finds nothing in the workflows', async () => {
  using machine = newMachine('http://127.0.0.1:9')
  const script = `
    git init -q . && mkdir -p .github/workflows scripts/deploy
    cp "$TOP/.github/workflows/"*.yml "$TOP/scripts/deploy/ci.yml" .github/workflows/
    cp -r "$TOP/scripts/deploy/action" scripts/deploy/ && actionlint -no-color`
  const { exitCode, stdout } = await inBash(machine, script, { TOP: checkout })
  expect([exitCode, stdout]).toEqual([0, ''])
})
