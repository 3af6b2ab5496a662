import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes } from '../../src/base/error-table.ts'
import { closingHelp } from '../../src/commands/command-list.ts'
import type { Setting } from '../../src/commands/settings/setting.ts'
import { settings } from '../../src/commands/settings/settings.ts'

const top = join(import.meta.dir, '../..')
const readme = readFileSync(join(top, 'README.md'), 'utf8')
const all: readonly Setting<unknown>[] = Object.values(settings)

/** What the README says in brackets behind a flag; undefined when the flag is not there. */
function bracketsOf(flag: string): string | undefined {
  const found = new RegExp(`\`--${flag}\`[^,|(]*(?:\\(([^)]*)\\))?`).exec(readme.slice(tableStart))
  return found ? (found[1] ?? '') : undefined
}

const tableStart = readme.indexOf('## Flags, environment, exit codes')

test('the README names every flag', () => {
  const missing = all.filter(({ flag }) => bracketsOf(flag) === undefined).map(({ flag }) => flag)
  expect(missing).toEqual([])
})

test('the README names every variable that does not follow from its flag', () => {
  for (const { flag, env } of all) {
    const said = bracketsOf(flag) ?? ''
    const usual = `DFHF_${flag.replaceAll('-', '_').toUpperCase()}`
    const special = env.filter((name) => name !== usual)
    // The token's own variable is read with the other places of tokens.
    const named = [...said.matchAll(/`([A-Z_]+)`/g)].map((match) => match[1] ?? '')
    expect([flag, ...named]).toEqual(flag === 'token' ? [flag, 'HF_TOKEN'] : [flag, ...special])
    const hasUsual = env.includes(usual)
    expect([flag, said.startsWith('–')]).toEqual([flag, env.length === 0 && flag !== 'token'])
    if (special.length > 0) expect([flag, said.startsWith('also')]).toEqual([flag, hasUsual])
  }
})

test('the README names no flag that there is not', () => {
  const known = new Set([
    ...all.flatMap(({ flag, alias }) => [flag, alias ?? flag]),
    'help',
    'packages',
    'target',
    'version',
  ])
  const foreign = ['checksum', 'find-links', 'no-index', 'now', 'strip-components', 'wildcards']
  const named = [...readme.matchAll(/(?<![\w-])--([a-z][a-z-]+)/g)].map((match) => match[1] ?? '')
  expect(named.filter((flag) => !known.has(flag) && !foreign.includes(flag))).toEqual([])
})

/** What the README says of each exit code; a cell may be of several. */
function exitCodesInReadme(): ReadonlyMap<string, string> {
  const table = /^\| exit code \|.*\n.*\n((?:\|.*\n)+)/m.exec(readme)?.[1] ?? ''
  const cells = [...table.matchAll(/\|\s*(\d[\d, ]*?)\s*\|([^|]*)(?=\|)/g)]
  return new Map(
    cells.flatMap(([, codes = '', said = '']) =>
      codes.split(/, */).map((code) => [code, said.trim()] as const),
    ),
  )
}

test('the README and the help tell every exit code, and no other', () => {
  const said = exitCodesInReadme()
  expect([...said.keys()].sort()).toEqual(Object.keys(exitCodes).sort())
  for (const [code, words] of Object.entries(exitCodes)) {
    expect(said.get(code)?.split(/[ ,;:]+/)).toEqual(expect.arrayContaining(words.split(/[ ,]+/)))
    expect(closingHelp.replaceAll('\n', ' ')).toContain(` ${code} ${words}`)
  }
  const helped = [...(/Exit codes:[^;]*;/.exec(closingHelp)?.[0] ?? '').matchAll(/\d+/g)].map(String)
  expect(helped).toEqual(Object.keys(exitCodes))
})

test('the README has a reason for every dependency', () => {
  const { dependencies } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  const table = readme.slice(readme.indexOf('## Dependencies'))
  const missing = Object.keys(dependencies).filter(
    (name) => !new RegExp(`^\\|[^|]*\\b${name}\\b`, 'm').test(table),
  )
  expect(missing).toEqual([])
})

test('the README stays short enough to be read', () => {
  expect(readme.split('\n').length).toBeLessThan(200)
})
