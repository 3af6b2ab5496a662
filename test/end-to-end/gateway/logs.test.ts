import { expect, setDefaultTimeout, test } from 'bun:test'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'

setDefaultTimeout(60_000)
const secret = { id: 'o/secret', private: true, commits: [{ s: { seed: 's', size: 3_000_000, lfs: true } }] }
const users = [{ name: 'in', token: 'hf_in_the_log', access: ['o/secret'] }]
const serve = ['serve', '--no-peers', '--gateway', '127.0.0.1:0']

/** The lines of a log as objects; throws where one is none. */
function parsed(stderr: string): Record<string, unknown>[] {
  return stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

test('a daemon writes JSON lines, which say what it serves and what it fetched, and hold no token', async () => {
  await using hub = await startTestHub({ repos: [secret], users })
  using machine = newMachine(hub.url)
  await using running = await startDfhf(machine, [...serve, '--log-format', 'json', '--log-level', 'debug'], {
    env: { DFHF_NO_PEERS: undefined },
  })
  const url = await running.told(/Hub mirror and proxy on (http:[^"\s]+)"/)
  const headers = { authorization: 'Bearer hf_in_the_log' }
  await (await fetch(`${url}/o/secret/resolve/main/s`, { headers })).bytes()
  await fetch(`${url}/o/secret/resolve/main/none?token=hf_in_the_log`, { headers })
  await running.said('task done')
  running.kill('SIGTERM')
  const { code, stderr } = await running.result
  expect(code, stderr).toBe(0)
  const lines = parsed(stderr)
  for (const { time, level, message } of lines) {
    expect(new Date(String(time)).toISOString()).toBe(String(time))
    expect(['debug', 'info', 'warn']).toContain(String(level))
    expect(String(message)).not.toBe('')
  }
  const messages = lines.map(({ message }) => String(message))
  for (const start of [
    'dfhf ',
    'blobs: 0, from the store ',
    'peers: none',
    'gateway: for this machine alone',
  ])
    expect(messages.filter((message) => message.startsWith(start))).toHaveLength(1)
  expect(lines.find(({ message }) => message === 'task done')).toMatchObject({
    file: 's',
    bytes: { hub: 3_000_000 },
  })
  expect(stderr).not.toContain('hf_in')
  expect(stderr).not.toMatch(/[?&](?:X-Amz-)?Signature=/i)
})

test('a daemon that cannot start says so in the form of its log', async () => {
  using machine = newMachine('http://127.0.0.1:9')
  const env = { DFHF_NO_PEERS: undefined, DFHF_LOG_FORMAT: 'json' }
  const args = ['serve', '--no-peers', '--gateway', '192.0.2.1:1']
  const { code, stderr } = await runDfhf(machine, args, { env })
  expect(code).toBe(2)
  expect(parsed(stderr).at(-1)).toMatchObject({ level: 'error', code: 'usage' })
  const text = await runDfhf(machine, [...args, '--log-level', 'warn'], {
    env: { ...env, DFHF_LOG_FORMAT: 'text' },
  })
  expect(text.stderr).toStartWith('dfhf: error: cannot listen')
})
