import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { commandList } from '../../src/commands/command-list.ts'
import { settingsFor } from '../../src/commands/settings/settings.ts'
import { fileStart } from '../ui/sample-events.ts'
import { FakeProcess, untilAborted } from './fake-process.ts'

const run = (...argv: readonly string[]) => new FakeProcess().run(argv)

describe('the command line', () => {
  test('prints the path alone on stdout', async () => {
    expect(await run('download', 'org/name', 'a.bin')).toEqual({
      code: 0,
      stdout: '/cache/file\n',
      stderr: '',
    })
  })

  test('prints one object with --json', async () => {
    const { stdout } = await run('download', 'org/name', 'a.bin', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ path: '/cache/file', size: 10 })
  })

  test('hands flags to the command wherever they stand', async () => {
    const process = new FakeProcess()
    await process.run([
      'download',
      '--max-workers',
      '3',
      'org/name',
      '--include=*.json',
      '--include',
      'b',
      '--type',
      'dataset',
    ])
    expect(process.calls).toMatchObject([
      {
        command: 'download',
        options: {
          maxWorkers: 3,
          repo: { type: 'dataset', id: 'org/name' },
          selection: { include: ['*.json', 'b'] },
        },
      },
    ])
  })

  test('takes one pattern a flag: the next word is a file name', async () => {
    const { code, stderr } = await run('download', 'org/name', '--include', '*.json', 'b')
    expect([code, stderr]).toEqual([2, expect.stringContaining("--include 'b'")])
  })

  test('undoes with --no-… what the environment says, and with the plain name what --no-… says', async () => {
    const process = new FakeProcess()
    const env = { HF_HUB_OFFLINE: '1', DFHF_NO_MULTICAST: '1', HF_HUB_DISABLE_SYMLINKS: 'true' }
    await process.run(['download', 'a', '--no-offline', '--multicast'], { env })
    await process.run(['download', 'a', '--no-peers'], { env })
    expect(process.calls).toMatchObject([
      { options: { isOffline: false, peers: { isMulticast: true }, useSymlinks: false } },
      { options: { isOffline: true, peers: { isSharing: false } } },
    ])
  })

  test('starts snapshot and serve', async () => {
    const process = new FakeProcess()
    await process.run(['snapshot', 'org/name', '--on', 'http://node:65001'])
    expect((await process.run(['serve', '--gateway', 'off'])).code).toBe(0)
    expect(process.calls.map((call) => call.command)).toEqual(['snapshot', 'serve'])
  })

  test.each([
    [['download'], "missing required argument 'repo'; see dfhf download --help"],
    [['download', 'a', '--bogus'], "unknown option '--bogus'"],
    [['download', 'a', '--ofline'], 'Did you mean --offline?'],
    [['download', 'a', '--revision'], "option '--revision <revision>' argument missing"],
    [['download', 'a', '--connections', '0'], "--connections: '0' is no whole number"],
    [['download', 'a', '--origin', 'x'], "--origin: 'x' is none of auto, seeds, never"],
    [['snapshot', 'a', 'b'], 'too many arguments'],
    [['bogus'], "unknown command 'bogus'"],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('refuses %p with exit code 2 and one line', async (argv, message) => {
    const { code, stdout, stderr } = await new FakeProcess().run(argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^dfhf: error: [^\n]*\n$/)
    expect(stderr).toContain(message)
  })

  test('prints its version', async () => {
    expect(await run('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' })
  })

  test('without a command shows the help', async () => {
    const { code, stdout } = await run()
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: dfhf')])
  })

  test.each(['download', 'snapshot', 'serve'] as const)('explains every option of %s', async (command) => {
    const { code, stdout } = await run(command, '--help')
    expect(code).toBe(0)
    for (const setting of settingsFor(command)) {
      expect(stdout).toContain(`--${setting.flag}`)
      for (const variable of setting.env) expect(stdout).toContain(variable)
    }
    for (const { line } of commandList[command].examples) expect(stdout).toContain(`\n  ${line}\n`)
  })

  test('reads the config file that a variable or a flag names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dfhf-run-'))
    const path = join(folder, 'my.toml')
    await writeFile(path, 'max-workers = 2\n')
    const process = new FakeProcess()
    await process.run(['download', 'a'], { env: { DFHF_CONFIG: path } })
    await process.run(['download', 'a', '--config', path, '--max-workers', '9'])
    expect(process.calls).toMatchObject([{ options: { maxWorkers: 2 } }, { options: { maxWorkers: 9 } }])
    const missing = await run('download', 'a', '--config', join(folder, 'none'))
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining('cannot read the config file'),
    ])
    await rm(folder, { recursive: true })
  })
})

describe('a failure', () => {
  const failing = (error: unknown, ...flags: string[]) =>
    new FakeProcess().run(['download', 'a', ...flags], {
      env: { HF_TOKEN: 'my-own-secret' },
      commands: { download: () => Promise.reject(error) },
    })

  test('has the exit code of its kind and one line', async () => {
    const error = new DfhfError('gated', 'a is gated', { hint: 'accept its licence' })
    expect(await failing(error)).toEqual({
      code: 4,
      stdout: '',
      stderr: 'dfhf: error: a is gated; accept its licence\n',
    })
  })

  test('that dfhf did not expect ends with 1, its stack only with --verbose', async () => {
    expect(await failing(new TypeError('x'))).toMatchObject({
      code: 1,
      stderr: expect.not.stringContaining('    at '),
    })
    expect((await failing(new TypeError('x'), '--verbose')).stderr).toContain('    at ')
  })

  test('is told with --quiet too', async () => {
    expect((await failing(new DfhfError('network', 'no answer'), '-q')).stderr).toBe(
      'dfhf: error: no answer\n',
    )
  })

  test('never shows the token, from wherever it came', async () => {
    const error = new Error('sent my-own-secret and flag-secret')
    const { stderr } = await failing(error, '--token', 'flag-secret', '--verbose')
    expect(stderr).not.toMatch(/my-own-secret|flag-secret/)
  })

  test('to write the result is one of the disk', async () => {
    const process = new FakeProcess()
    process.stdout.failure = Object.assign(new Error('no space'), { code: 'ENOSPC' })
    expect(await process.run(['download', 'a'])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('no space'),
    })
  })

  test('is none when the reader of the result is gone', async () => {
    const process = new FakeProcess()
    process.stdout.failure = Object.assign(new Error('broken pipe'), { code: 'EPIPE' })
    expect(await process.run(['download', 'a'])).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('%s cancels politely and ends with %i', async (name, code) => {
    const process = new FakeProcess()
    const ended = process.run(['download', 'a'], {
      commands: {
        download: (_options, context) => {
          queueMicrotask(() => process.signals.emit(name))
          return untilAborted(context)
        },
      },
    })
    expect(await ended).toEqual({
      code,
      stdout: '',
      stderr: 'dfhf: error: interrupted; what was fetched is kept; run the same command again to go on\n',
    })
    expect(process.exits).toEqual([])
    expect(process.signals.listenerCount(name)).toBe(0)
  })

  test('that comes a second time ends the process at once, with the terminal as it was', async () => {
    const process = new FakeProcess()
    Object.assign(process.stderr, { isTTY: true })
    process.run(['download', 'a'], {
      commands: {
        download: async (_options, context) => {
          context.events(fileStart(1, 'model.bin', 100))
          await process.stderr.until(/model\.bin/)
          process.signals.emit('SIGINT')
          process.signals.emit('SIGINT')
          return new Promise<never>(() => {})
        },
      },
    })
    await process.stderr.until(/\[\?25h/)
    expect(process.exits).toEqual([130])
  })

  test('ends serve as success when it closed politely', async () => {
    const process = new FakeProcess()
    const ended = process.run(['serve'], {
      commands: {
        serve: (_options, context) => {
          queueMicrotask(() => process.signals.emit('SIGTERM'))
          return untilAborted(context).catch(() => {})
        },
      },
    })
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('does not hide a failure of another kind', async () => {
    const process = new FakeProcess()
    const ended = process.run(['download', 'a'], {
      commands: {
        download: async () => {
          process.signals.emit('SIGINT')
          throw new DfhfError('disk-full', 'no space left')
        },
      },
    })
    expect(await ended).toMatchObject({ code: 7, stderr: 'dfhf: error: no space left\n' })
  })
})
