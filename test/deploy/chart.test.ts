import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifestOf, templateArguments } from '../../scripts/deploy/manifest.ts'
import { isObject } from '../../src/base/json-object.ts'
import { settingsFor } from '../../src/commands/settings/settings.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { eventually } from '../support/gateway/eventually.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { type PodSpec, restrictedFaults } from '../support/kubernetes/pod-security.ts'
import { canCheckCharts, kubernetesTools } from '../support/kubernetes/tools.ts'
import { startDfhf } from '../support/program/binary.ts'
import { checkout } from '../support/program/find-binary.ts'
import { newMachine } from '../support/program/machine.ts'
import { type ProcessResult, runProcess } from '../support/python/run-process.ts'

// helm and the schemas may have to be installed first.
setDefaultTimeout(180_000)

const deploy = join(checkout, 'scripts/deploy')
const chart = join(deploy, 'chart')
const valueSets = readdirSync(join(chart, 'ci')).map((name) => name.replace('.yaml', ''))
const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
const scratch = temporaryFolders()

/** One object of a manifest. */
interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels: Readonly<Record<string, string>>
  }
  readonly spec: Readonly<Record<string, unknown>>
}

async function helm(...args: readonly string[]): Promise<ProcessResult> {
  return runProcess([(await kubernetesTools()).helm, ...args], { allowsFailure: true })
}

async function render(name: string, ...more: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await helm(
    ...['template', 'dfhf', chart, '--namespace', 'dfhf', '--values', join(chart, 'ci', `${name}.yaml`)],
    ...more,
  )
  expect(exitCode, stderr).toBe(0)
  return stdout
}

function objectsOf(rendered: string): KubernetesObject[] {
  const parsed: unknown = Bun.YAML.parse(rendered)
  return (Array.isArray(parsed) ? parsed : [parsed]).filter(isObject) as unknown as KubernetesObject[]
}

function podOf(objects: readonly KubernetesObject[]): PodSpec {
  const [set] = objects.filter(({ kind }) => kind === 'DaemonSet')
  if (!set) throw new Error('there is no DaemonSet')
  return (set.spec as { readonly template: { readonly spec: PodSpec } }).template.spec
}

const kindsOf = (objects: readonly KubernetesObject[]) => objects.map(({ kind }) => kind).sort()
const argsOf = (pod: PodSpec) => pod.containers[0]?.args ?? []

test('the chart has the version of the program', () => {
  const about: unknown = Bun.YAML.parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8'))
  expect(about).toMatchObject({ version, appVersion: version })
})

test('every value has a place in the schema, and a comment or a group that has one', () => {
  const values: unknown = Bun.YAML.parse(readFileSync(join(chart, 'values.yaml'), 'utf8'))
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8'))
  expect(isObject(values) && Object.keys(values).toSorted()).toEqual(
    Object.keys(schema.properties)
      .filter((name) => name !== 'global')
      .toSorted(),
  )
})

describe.skipIf(!canCheckCharts())('the chart', () => {
  test.each(valueSets)('has nothing that helm or Kubernetes would refuse: %s', async (name) => {
    const lint = await helm('lint', chart, '--strict', '--values', join(chart, 'ci', `${name}.yaml`))
    expect(lint.exitCode, lint.stdout + lint.stderr).toBe(0)
    const rendered = await render(name)
    // Kubernetes has no schema of the operator's own kinds.
    const own = rendered
      .split(/^---\n/m)
      .filter((text) => !/^kind: ServiceMonitor$/m.test(text))
      .join('---\n')
    const file = join(scratch(), `${name}.yaml`)
    await Bun.write(file, own)
    const { validate } = await kubernetesTools()
    for (const release of ['1.26.0', '1.34.0', '1.37.0']) {
      const command = [validate, '--strict', '--quiet', '--no-warn', '-k', release, file]
      const { exitCode, stdout, stderr } = await runProcess(command, { allowsFailure: true })
      expect([release, exitCode, stdout + stderr]).toEqual([release, 0, ''])
    }
  })

  test('refuses values that it does not know, and those that cannot work', async () => {
    for (const [value, message] of [
      ['gatewy.port=1', 'gatewy'],
      ['gateway.expose=nodePort', 'expose'],
      ['gateway.allow={10.0.0.0}', 'allow'],
      ['store.quota=lots', 'quota'],
      ['terminationGracePeriodSeconds=5', 'terminationGracePeriodSeconds'],
    ] as const) {
      const { exitCode, stderr } = await helm('template', 'dfhf', chart, '--set', value)
      expect([value, exitCode]).toEqual([value, 1])
      expect(stderr).toContain(message)
    }
  })

  test('gives dfhf serve no flag that it does not have', async () => {
    const known = new Set(settingsFor('serve').map(({ flag }) => flag))
    for (const name of valueSets) {
      const [command, ...flags] = argsOf(podOf(objectsOf(await render(name))))
      expect(command).toBe('serve')
      const unknown = flags.filter((flag) => !known.has(/^--([a-z-]+)/.exec(flag)?.[1] ?? ''))
      expect([name, unknown]).toEqual([name, []])
    }
  })

  test('passes Pod Security "restricted" where its values say so', async () => {
    const objects = objectsOf(await render('restricted', '--set', 'namespace.create=true'))
    const pod = podOf(objects)
    expect(restrictedFaults(pod)).toEqual([])
    expect(pod.containers[0]?.securityContext?.readOnlyRootFilesystem).toBe(true)
    const label = 'pod-security.kubernetes.io/enforce'
    expect(objects.find(({ kind }) => kind === 'Namespace')?.metadata.labels[label]).toBe('restricted')
    expect(objects.find(({ metadata }) => metadata.name === 'dfhf-gateway')?.spec).toMatchObject({
      internalTrafficPolicy: 'Local',
    })
    const names = ['', '.dfhf', '.dfhf.svc', '.dfhf.svc.cluster.local'].map((end) => `dfhf-gateway${end}`)
    expect(argsOf(pod)).toContain(`--gateway-host=${names.join()}`)
  })

  test('makes no namespace of its own, which an installation would find there already', async () => {
    for (const name of valueSets) {
      const kinds = kindsOf(objectsOf(await render(name)))
      // The plain manifest is for kubectl.
      expect([name, kinds.includes('Namespace')]).toEqual([name, name === 'manifest'])
    }
  })

  test('names the label that its default needs', async () => {
    const objects = objectsOf(await render('default', '--set', 'namespace.create=true'))
    expect(restrictedFaults(podOf(objects))).toEqual(['hostPath', 'hostPort', 'may be root', 'root'])
    expect(objects.find(({ kind }) => kind === 'Namespace')?.metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'privileged',
    })
  })

  test('makes only the objects that were asked for', async () => {
    const usual = ['DaemonSet', 'NetworkPolicy', 'Service', 'ServiceAccount']
    expect(kindsOf(objectsOf(await render('default')))).toEqual(usual)
    expect(kindsOf(objectsOf(await render('pvc')))).toEqual([...usual, 'Secret', 'Service'].sort())
    const monitored = objectsOf(await render('monitoring'))
    expect(kindsOf(monitored)).toEqual([...usual, 'ConfigMap', 'ServiceMonitor'].sort())
    const airgapped = await render('airgapped')
    expect(argsOf(podOf(objectsOf(airgapped)))).toEqual(
      expect.arrayContaining([
        '--gateway=off',
        '--metrics=[::]:65003',
        '--seeds=dfhf.dfhf.svc:65002,store.example:65002',
        '--origin=never',
      ]),
    )
    expect(airgapped).not.toMatch(/hostPort:|name: gateway/)
  })

  test('puts no secret anywhere but into a Secret', async () => {
    const rendered = await render('pvc')
    const places = objectsOf(rendered).filter((object) => JSON.stringify(object).includes('not-a-'))
    expect(kindsOf(places)).toEqual(['Secret'])
    expect(rendered.match(/automountServiceAccountToken: false/g)).toHaveLength(2)
  })

  test.each(['default', 'restricted'])('starts a daemon that becomes ready alone: %s', async (name) => {
    await using hub = await startTestHub()
    using machine = newMachine(hub.url)
    const secrets = join(machine.folder, 'secrets')
    mkdirSync(secrets)
    for (const file of ['cluster-key', 'warm-token'])
      writeFileSync(join(secrets, file), 'k'.repeat(40), { mode: 0o400 })
    // The disk of this machine may be fuller, and its ports taken.
    const args = argsOf(podOf(objectsOf(await render(name)))).map((text) =>
      text
        .replace(/^--(gateway|metrics|listen)=.*$/, '--$1=127.0.0.1:0')
        .replace('/run/secrets/dfhf', secrets)
        .replace('$(NODE_IP)', '127.0.0.1')
        .replace('15%', '1GB'),
    )
    await using running = await startDfhf(machine, args, { env: { DFHF_NO_PEERS: undefined } })
    const url = await running.told(/metrics and probes on (http:\S+)\n/)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const ready = async () => (await fetch(`${url}/readyz`)).status
    await eventually(ready, (status) => status === 200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('dfhf_info')
    running.kill('SIGTERM')
    expect((await running.result).code).toBe(0)
  })

  test('is what the plain manifest is made of', async () => {
    const { stdout } = await helm(...templateArguments)
    expect(readFileSync(join(deploy, 'kubernetes.yaml'), 'utf8')).toBe(manifestOf(stdout))
  })
})
