import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withDeadline } from '../../support/gateway/deadline.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { type RunningDfhf, startDfhf } from '../../support/program/binary.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, oidOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 12_000_000

/** Puts something at a name that another user of the cache may choose as well. */
type Trap = (path: string, precious: string) => void
const traps: Readonly<Record<string, Trap>> = {
  'a link to a file of the user': (path, precious) => symlinkSync(precious, path),
  'a second name of a file of the user': (path, precious) => linkSync(precious, path),
  'a link to /dev/zero': (path) => symlinkSync('/dev/zero', path),
  'a fifo': (path) => execFileSync('mkfifo', [path]),
  'a folder': (path) => mkdirSync(path),
  'a link to nowhere': (path, precious) => symlinkSync(`${precious}-2`, path),
}

/** The names at which a download opens, makes or reads something, below the cache root. */
function trappedNames(hub: TestHub): string[] {
  const oid = oidOf(hub)
  const repo = 'models--o--r'
  const partials = ['', '.0123abcd', '.0123abcd0123abcd'].flatMap((suffix) => [
    `${repo}/blobs/${oid}${suffix}.dfhf.incomplete`,
    `${repo}/blobs/${oid}${suffix}.dfhf-journal.incomplete`,
    `${repo}/blobs/${oid}${suffix}.dfhf-journal-new.incomplete`,
  ])
  return [...partials, `.locks/${repo}/${oid}.lock`]
}

/** The outcome of a run, which must end soon and stay small. */
async function endOf(running: RunningDfhf) {
  const peak = setInterval(() => {
    const status = readStatus(running.pid)
    most = Math.max(most, status)
  }, 20)
  let most = 0
  try {
    const result = await withDeadline(running.result, 40_000, () => `hangs:\n${running.stderr()}`)
    expect(most).toBeLessThan(300 * 2 ** 20)
    return result
  } finally {
    clearInterval(peak)
  }
}

function readStatus(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

function preciousOf(machine: Machine): string {
  const path = join(machine.folder, 'precious')
  writeFileSync(path, 'precious', { mode: 0o600 })
  return path
}

describe('in a cache that others may write to', () => {
  test.each(Object.keys(traps))('%s at any name that dfhf uses does no harm', async (kind) => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const precious = preciousOf(machine)
    for (const name of trappedNames(hub)) {
      const path = join(machine.cache, name)
      mkdirSync(dirname(path), { recursive: true })
      traps[kind]?.(path, precious)
    }
    await using running = await startDfhf(machine, downloadWeights)
    expectExact(hub, await endOf(running))
    expect(readFileSync(precious, 'utf8')).toBe('precious')
    expect((await Bun.file(precious).stat()).mode & 0o777).toBe(0o600)
    expect(await Bun.file(`${precious}-2`).exists()).toBe(false)
  })

  test.each(['a link to /dev/zero', 'a fifo', 'a folder'])(
    '%s in the place of a ref, a list or a note is not read',
    async (kind) => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      using machine = newMachine(hub.url)
      const commit = hub.repo('o/r').resolve('main')?.id ?? ''
      const repo = join(machine.cache, 'models--o--r')
      const names = [
        join(repo, 'trees', `${commit}.json`),
        join(machine.folder, 'hf/token'),
        join(machine.folder, 'hf/dfhf/verified-blobs.jsonl'),
        join(machine.folder, 'here/.cache/huggingface/download/w.metadata'),
        join(machine.folder, `here/.cache/huggingface/trees/${commit}.json`),
      ]
      if (kind !== 'a folder') names.push(join(repo, 'refs/main'))
      for (const path of names) {
        if (kind === 'a folder' && !path.endsWith('token') && !path.endsWith('.jsonl')) continue
        mkdirSync(dirname(path), { recursive: true })
        traps[kind]?.(path, '')
      }
      for (const flags of [[], ['--local-dir', 'here']]) {
        await using running = await startDfhf(machine, ['snapshot', 'o/r', '--json', ...flags])
        const result = await endOf(running)
        expect(result.code, result.stderr).toBe(0)
      }
    },
  )

  test('a daemon stops on SIGTERM whatever stands in the place of its state', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const state = join(machine.folder, 'hf/dfhf')
    const oid = oidOf(hub)
    const folder = join(state, 'store', oid.slice(0, 2))
    mkdirSync(folder, { recursive: true })
    for (const path of [join(state, 'verified-blobs.jsonl'), join(folder, `${oid}.repos`)]) {
      execFileSync('mkfifo', [path])
    }
    execFileSync('mkfifo', [join(folder, `${oid}.dfhf.incomplete`)])
    execFileSync('mkfifo', [join(folder, `${oid}.dfhf-journal.incomplete`)])
    await using running = await startDfhf(machine, ['serve', '--gateway', '127.0.0.1:0', '--no-peers'])
    const port = await running.told(/Hub mirror and proxy on http:.*:(\d+)\n/)
    const answer = await fetch(`http://127.0.0.1:${port}/o/r/resolve/main/w`)
    const bytes = await answer.bytes()
    expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(oid)
    running.kill('SIGTERM')
    expect((await endOf(running)).code).toBe(0)
    rmSync(folder, { recursive: true })
  })
})
