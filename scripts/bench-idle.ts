// What a daemon that has nothing to do costs in CPU, with as many peers known as asked for. Run it in a network namespace
// of its own (`unshare -n sh -c 'ip link set lo up; ...'`), as `--multicast` announces on every interface.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLog } from '../src/base/log.ts'
import { createHttpClient } from '../src/http/http-client.ts'
import { PeerNode } from '../src/peer/peer-node.ts'
import { parseSeeds } from '../src/swarm/discovery/discovery-seeds.ts'
import { dfhfBinary } from '../test/support/program/binary.ts'

const usage = `bun scripts/bench-idle.ts [options]
  --peers N        that the daemon knows (default 50)
  --settle S       how long they may find each other and come to rest (default 60)
  --seconds S      how long to look (default 60)
  --multicast      finds each other by it, too
  --dfhf PATH      the program (default: the one in DFHF_BINARY, or a new build)
  --json FILE      writes all figures there
`

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '50' },
    settle: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '60' },
    multicast: { type: 'boolean', default: false },
    dfhf: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit()
}
const DAEMON_PORT = 45_102
/** Of the kernel's clock by which it counts CPU time (USER_HZ). */
const TICK_MS = 10

const [peers, settle, seconds] = [values.peers, values.settle, values.seconds].map(Number)
if (peers === undefined || settle === undefined || seconds === undefined)
  throw new Error('numbers are needed')
const folder = mkdtempSync(join(tmpdir(), 'dfhf-bench-idle-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rmSync(folder, { recursive: true, force: true }))

const discovery = values.multicast ? [] : ['--no-multicast']
const daemon = Bun.spawn(
  [
    values.dfhf === undefined ? await dfhfBinary() : resolve(values.dfhf),
    'serve',
    '--gateway',
    'off',
    '--listen',
    `127.0.0.1:${DAEMON_PORT}`,
    ...discovery,
  ],
  {
    env: { PATH: process.env.PATH ?? '', HF_HOME: join(folder, 'hf'), HF_ENDPOINT: 'http://127.0.0.1:9' },
    cwd: folder,
    stdout: 'ignore',
    stderr: 'pipe',
  },
)
stack.defer(async () => {
  daemon.kill()
  await daemon.exited
})
const known = new Set<string>()
void readLog()

const http = stack.use(createHttpClient())
for (let n = 0; n < peers; n += 1) {
  stack.use(
    new PeerNode({
      role: 'serve',
      version: '0.0.0',
      listen: { host: '127.0.0.1', port: 0 },
      takesNextPort: false,
      isMulticast: values.multicast,
      seeds: parseSeeds([`127.0.0.1:${DAEMON_PORT}`]),
      key: undefined,
      needsTls: false,
      fetchesForPeers: false,
      http,
      shelf: { find: async () => undefined, onChange: () => () => {} },
      log: silentLog,
    }),
  )
}

await Bun.sleep(settle * 1000)
const before = cpuMs()
const startedAt = performance.now()
await Bun.sleep(seconds * 1000)
const wallMs = performance.now() - startedAt
const result = {
  peers,
  known: known.size,
  seconds,
  cpuMs: cpuMs() - before,
  share: (cpuMs() - before) / wallMs,
}
process.stdout.write('| peers | known | CPU | of a core |\n| --- | --- | --- | --- |\n')
process.stdout.write(
  `| ${peers} | ${result.known} | ${result.cpuMs} ms in ${seconds} s | ${(100 * result.share).toFixed(2)} % |\n`,
)
if (values.json) writeFileSync(values.json, `${JSON.stringify(result)}\n`)

/** The daemon's CPU time so far. */
function cpuMs(): number {
  const fields = readFileSync(`/proc/${daemon.pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return TICK_MS * (Number(fields[11]) + Number(fields[12]))
}

/** Follows who comes and goes by the daemon's log. */
async function readLog(): Promise<void> {
  let rest = ''
  for await (const text of daemon.stderr.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, id, change = ''] = /\(([0-9a-f]{6})\) (joined|is back|left)/.exec(line) ?? []
      if (id === undefined) continue
      if (change === 'left') known.delete(id)
      else known.add(id)
    }
  }
}
