import type { RunResult } from '../../test/support/program/binary.ts'
import type { Findings } from './finding.ts'
import type { SecretWatch } from './secret-watch.ts'

const documented: ReadonlySet<number> = new Set([0, 2, 3, 4, 5, 6, 7, 130, 143])

/** Looks at how a process ended and at all that it said. */
export function checkMessages(
  who: string,
  result: RunResult,
  parts: { readonly findings: Findings; readonly watch: SecretWatch; readonly wasKilled: boolean },
): void {
  const { findings, watch, wasKilled } = parts
  const { code, stdout, stderr } = result
  watch.look(stdout, `stdout of ${who}`)
  watch.look(stderr, `stderr of ${who}`)
  const lines = stderr.split('\n')
  const isStack = (line: string) => /^\s+at .*[:(]/.test(line) || /^\s*\d+ \| /.test(line)
  const stack = lines.find(isStack)
  if (stack !== undefined)
    findings.add('messages', `${who} showed a stack: ${lines.slice(-12).join(' / ').slice(0, 600)}`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(stderr + stdout))
    findings.add('messages', `${who} printed control characters`)
  const long = lines.find((line) => line.length > 4000 && !line.startsWith('{'))
  if (long !== undefined)
    findings.add('messages', `${who} printed a line of ${long.length} characters: ${long.slice(0, 100)}`)
  if (wasKilled) return
  const errors = lines.filter((line) => line.startsWith('dfhf: error: '))
  const last = errors.at(-1) ?? lines.filter((line) => line !== '').at(-1) ?? ''
  if (!documented.has(code)) findings.add('exit code', `${who} ended with ${code}: ${last.slice(0, 400)}`)
  else if (code !== 0 && errors.length !== 1 && code !== 130 && code !== 143)
    findings.add(
      'messages',
      `${who} ended with ${code} and ${errors.length} error lines: ${lines.slice(-4).join(' / ').slice(0, 400)}`,
    )
}
