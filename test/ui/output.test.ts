import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { colorsFor } from '../../src/ui/colors.ts'
import { dryRunTable } from '../../src/ui/dry-run-table.ts'
import { errorLine } from '../../src/ui/error-line.ts'
import { outcomeText, snapshotResult } from '../../src/ui/outcome.ts'
import { chooseForm } from '../../src/ui/output-form.ts'
import { MemoryOutput } from './memory-output.ts'
import { fileResult, plain } from './sample-events.ts'

const terminal = new MemoryOutput({ isTTY: true })
const pipe = new MemoryOutput()

describe('an error', () => {
  const shown = (error: unknown, isVerbose = false, secrets: string[] = []) =>
    errorLine(error, { isVerbose, colors: plain, secrets })

  test('is one line with what to do about it', () => {
    const error = new DfhfError('gated', 'org/name is gated', { hint: 'accept its licence' })
    expect(shown(error)).toBe('dfhf: error: org/name is gated; accept its licence\n')
  })

  test('stays one line, harmless and without secrets, whatever it says', () => {
    const text = shown(new DfhfError('network', 'a\nb\x1b[2J hf_AbCdEfGhIjKl s3cret'), false, ['s3cret'])
    expect(text).toBe('dfhf: error: a b\\x1b[2J [secret] [secret]\n')
  })

  test('of the system is shown as the system says it', () => {
    const error = Object.assign(new Error('ENOENT: no such file, open /x'), { code: 'ENOENT' })
    expect(shown(error)).toBe('dfhf: error: ENOENT: no such file, open /x\n')
  })

  test('that dfhf did not expect says so, even when it is no Error', () => {
    expect(shown(new TypeError('x is undefined'))).toBe(
      'dfhf: error: unexpected TypeError: x is undefined; run again with --verbose and report what it says\n',
    )
    expect(shown('oops')).toStartWith('dfhf: error: unexpected oops;')
    expect(shown(undefined)).toStartWith('dfhf: error: unexpected undefined;')
  })

  test('shows stack and causes only when asked', () => {
    const error = new DfhfError('network', 'no answer', { cause: new Error('socket hf_AbCdEfGhIjKl') })
    const text = shown(error, true)
    expect(text).toMatch(/^dfhf: error: no answer\n {4}at /)
    expect(text).toContain('\ncaused by Error: socket [secret]\n')
  })

  test('that is its own cause ends too', () => {
    const error = new Error('round')
    error.cause = error
    expect(shown(error, true)).toContain('round')
  })
})

describe('colours', () => {
  test.each([
    ['a terminal', terminal, {}, true],
    ['a pipe', pipe, {}, false],
    ['NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
    ['FORCE_COLOR in a pipe', pipe, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR beside NO_COLOR', pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    ['FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
  ])('follow %s', (_what, output, env, hasColors) => {
    expect(colorsFor(output, env).level > 0).toBe(hasColors)
  })
})

describe('the form of progress', () => {
  const usual = { isQuiet: false, isJson: false, isDaemon: false, stderr: terminal, env: {} }

  test.each([
    ['bars on a terminal', {}, 'terminal'],
    ['bars on a terminal with --json too, since stdout is apart', { isJson: true }, 'terminal'],
    ['lines in a pipe', { stderr: pipe }, 'lines'],
    ['JSON lines in a pipe with --json', { stderr: pipe, isJson: true }, 'json'],
    ['lines under CI', { env: { CI: 'true' } }, 'lines'],
    ['lines on a dumb terminal', { env: { TERM: 'dumb' } }, 'lines'],
    ['nothing with --quiet', { isQuiet: true }, 'quiet'],
    ['a log for a daemon', { isDaemon: true }, 'log'],
    ['a log where bars are disabled', { env: { HF_HUB_DISABLE_PROGRESS_BARS: '1' } }, 'log'],
    ['bars where disabling is denied', { env: { HF_HUB_DISABLE_PROGRESS_BARS: '0' } }, 'terminal'],
  ] as const)('is %s', (_what, given, form) => {
    expect(chooseForm({ ...usual, ...given })).toBe(form)
  })
})

describe('the dry run', () => {
  const plan = {
    repo: 'org/name',
    revision: 'main',
    commit: 'c'.repeat(40),
    files: [
      { name: 'b.bin', size: 5_600_000_000, isMissing: true },
      { name: 'a/config.json', size: 8, isMissing: false },
      { name: 'c\x1b.bin', size: 999, isMissing: true },
    ],
  }

  test('is a table sorted by name, with a dash for what is here', () => {
    expect(dryRunTable(plan, { isQuiet: false })).toBe(
      [
        '[dry-run] Will download 2 files (out of 3) totalling 5.6G.',
        'FILE          SIZE',
        '------------- -----',
        'a/config.json -',
        'b.bin         5.6G',
        'c\\x1b.bin     999.0',
        '',
      ].join('\n'),
    )
  })

  test('quietly names what would be fetched', () => {
    expect(dryRunTable(plan, { isQuiet: true })).toBe('b.bin\nc\\x1b.bin\n')
  })

  test('is one object as JSON', () => {
    const text = outcomeText(
      { kind: 'plan', result: plan },
      { isJson: true, isQuiet: false, isTerminal: false },
    )
    expect(JSON.parse(text)).toEqual(plan)
  })
})

describe('the result', () => {
  test('is the bare path', () => {
    const outcome = { kind: 'file', result: fileResult(10) } as const
    expect(outcomeText(outcome, { isJson: false, isQuiet: false, isTerminal: false })).toBe('/cache/file\n')
  })

  test('is the very path for a program, and one that a terminal does not obey for a person', () => {
    const outcome = { kind: 'file', result: { ...fileResult(10), path: '/a\nb/c\x9b2J\u202e' } } as const
    const output = { isJson: false, isQuiet: false }
    expect(outcomeText(outcome, { ...output, isTerminal: false })).toBe('/a\\x0ab/c\x9b2J\u202e\n')
    expect(outcomeText(outcome, { ...output, isTerminal: true })).toBe('/a\\x0ab/c\\x9b2J\\u{202e}\n')
  })

  test('as JSON has the documented keys, for a file and for a snapshot', () => {
    const files = [fileResult(10), { ...fileResult(5, { peers: 5 }), verified: false }]
    const about = { path: '/snap', repo: 'org/name', revision: 'main', commit: 'c'.repeat(40), ms: 7 }
    const result = snapshotResult(about, files)
    const keys = ['path', 'repo', 'revision', 'commit', 'oid', 'size', 'ms', 'bytes', 'verified']
    expect(Object.keys(fileResult(1))).toEqual(keys)
    expect(Object.keys(result)).toEqual([...keys, 'files'])
    expect(result).toMatchObject({ size: 15, bytes: { hub: 10, peers: 5, local: 0 }, verified: false })
    const text = outcomeText(
      { kind: 'snapshot', result },
      { isJson: true, isQuiet: false, isTerminal: false },
    )
    expect(text.endsWith('}\n')).toBe(true)
    expect(text.indexOf('\n')).toBe(text.length - 1)
  })
})
