// What `npm test` runs: format, lint, types, dead and copied code, the binary, and every test on it. The last line counts them.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** So many tests went well and so many did not. */
interface Count {
  readonly passed: number
  readonly failed: number
}

const top = join(import.meta.dir, '..')
const tools = join(top, 'node_modules/.bin')
/** The binary is tested where none of its sources are. */
const built = mkdtempSync(join(tmpdir(), 'dfhf-binary-'))

/** Runs a step that counts as one test. */
async function check(name: string, command: readonly string[]): Promise<Count> {
  process.stdout.write(`\n== ${name}\n`)
  const isGood = (await run(command)) === 0
  process.stdout.write(isGood ? '' : `${name} failed\n`)
  return isGood ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** Most of the tests wait for something most of their time, so that two files at once take little more than half of it. */
const FILES_AT_ONCE = 2
/** The runtime's own 5 s are not enough on a busy machine; a test that needs more says so itself. */
const TIMEOUT_MS = 60_000

/** Runs all tests; what their report does not tell counts as one failure. */
async function runTests(binary: string): Promise<Count> {
  process.stdout.write('\n== tests\n')
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-test-report-'))
  const report = join(folder, 'report.xml')
  try {
    const output = ['--reporter=junit', `--reporter-outfile=${report}`]
    const pace = [`--parallel=${FILES_AT_ONCE}`, `--timeout=${TIMEOUT_MS}`]
    const command = [process.execPath, 'test', './test', ...pace, ...output]
    const code = await run(command, { DFHF_BINARY: binary })
    const count = readReport(report)
    return { ...count, failed: count.failed + (code !== 0 && count.failed === 0 ? 1 : 0) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(path: string): Count {
  try {
    const [head = ''] = /<testsuites [^>]*>/.exec(readFileSync(path, 'utf8')) ?? []
    const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0)
    const failed = number('failures') + number('errors')
    return { passed: number('tests') - failed - number('skipped'), failed }
  } catch {
    return { passed: 0, failed: 1 }
  }
}

async function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const options = { cwd: top, env: { ...process.env, ...env }, stdin: 'ignore' } as const
  const child = Bun.spawn([...command], { ...options, stdout: 'inherit', stderr: 'inherit' })
  return await child.exited
}

const counts = [
  await check('format and lint', [join(tools, 'biome'), 'check', '--error-on-warnings', '.']),
  await check('types', [join(tools, 'tsc'), '--noEmit']),
  await check('dead code', [join(tools, 'knip')]),
  await check('code that only tests use', [join(tools, 'knip'), '--production']),
  await check('copied code', [join(tools, 'jscpd')]),
  await check('build', [process.execPath, join(top, 'scripts/build.ts'), '--into', built]),
  await runTests(join(built, process.platform === 'win32' ? 'dfhf.exe' : 'dfhf')),
]
rmSync(built, { recursive: true, force: true })
const passed = counts.reduce((sum, count) => sum + count.passed, 0)
const failed = counts.reduce((sum, count) => sum + count.failed, 0)
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
