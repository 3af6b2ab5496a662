import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { targets } from '../../scripts/build/targets.ts'
import { hasPrograms } from '../support/gateway/requirements.ts'
import { checkout } from '../support/program/find-binary.ts'
import { runProcess } from '../support/python/run-process.ts'

setDefaultTimeout(60_000)
const deploy = join(checkout, 'scripts/deploy')

test.skipIf(!hasPrograms('systemd-analyze'))('the unit leaves little open', async () => {
  const unit = join(deploy, 'dfhf.service')
  const { stdout } = await runProcess(['systemd-analyze', 'security', '--offline=true', unit])
  const figure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
  expect(figure).toBeLessThanOrEqual(2.5)
})

test('the image has an exact base and a user without rights, and its context holds what the build makes', () => {
  const dockerfile = readFileSync(join(deploy, 'Dockerfile'), 'utf8')
  const bases = [...dockerfile.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, base = '']) => base)
  expect(bases.filter((base) => !/^debian:\d+\.\d+-slim$/.test(base))).toEqual([])
  expect(dockerfile).toContain('\nUSER 65534:65534\n')
  const copied = [...dockerfile.matchAll(/ dist\/(\S+)/g)].map(([, name]) => name)
  expect(copied).toEqual(['dfhf-linux-*'])
  const names = targets.map(({ name }) => name).filter((name) => /^linux-(?:x64|arm64)$/.test(name))
  expect(names).toHaveLength(2)
  const ignored = readFileSync(join(deploy, 'Dockerfile.dockerignore'), 'utf8').split('\n')
  expect(ignored.filter((line) => line.startsWith('!'))).toEqual(names.map((name) => `!dist/dfhf-${name}`))
  expect(ignored).toContain('*')
})
