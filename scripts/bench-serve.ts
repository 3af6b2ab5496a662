// A daemon sending one blob against nginx with sendfile, and what the daemon's memory is after 200 transfers.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { startHubProcess } from '../test/support/hub/hub-process.ts'
import { dfhfBinary } from '../test/support/program/binary.ts'

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1GiB' },
    rounds: { type: 'string', default: '5' },
    transfers: { type: 'string', default: '200' },
    json: { type: 'string' },
  },
})
/** As many as one peer gets from another at once. */
const CONNECTIONS = 6
const PEER_PORT = 45_002
const NGINX_PORT = 45_003
const size = parseSize(values.size)
const binary = await dfhfBinary()
const folder = mkdtempSync(join(tmpdir(), 'dfhf-bench-serve-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rmSync(folder, { recursive: true, force: true }))

const hub = stack.use(await startHubProcess(['--falcon', String(size)]))
const env = { ...process.env, HF_HOME: join(folder, 'hf'), HF_ENDPOINT: hub.url, DFHF_ENDPOINT: hub.url }
const download = Bun.spawnSync(
  [binary, 'download', 'tiiuae/falcon-rw-1b', 'pytorch_model.bin', '--json', '--no-peers'],
  { env, cwd: folder },
)
const { path, oid }: { path: string; oid: string } = JSON.parse(download.stdout.toString())
const serve = start([
  binary,
  'serve',
  '--gateway',
  'off',
  '--no-multicast',
  '--listen',
  `127.0.0.1:${PEER_PORT}`,
])
writeFileSync(
  join(folder, 'nginx.conf'),
  `daemon off; worker_processes 2; user root; pid ${folder}/pid; error_log /dev/null; events {}
   http { access_log off; sendfile on; server { listen 127.0.0.1:${NGINX_PORT}; location = /blob { alias ${path}; } } }`,
)
start(['nginx', '-c', join(folder, 'nginx.conf')])
const targets = {
  dfhf: `http://127.0.0.1:${PEER_PORT}/v1/blobs/${oid}`,
  nginx: `http://127.0.0.1:${NGINX_PORT}/blob`,
}
for (const url of Object.values(targets)) await fetchOnce(url)

const speeds = { dfhf: [] as number[], nginx: [] as number[] }
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const name of ['dfhf', 'nginx'] as const) speeds[name].push(await measure(targets[name]))
}
for (let done = 0; done < Number(values.transfers); done += 1) await fetchOnce(targets.dfhf)
const residentSize =
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${serve.pid}/status`, 'utf8'))?.[1]) * 1024
const result = {
  dfhf: median(speeds.dfhf),
  nginx: median(speeds.nginx),
  ratio: median(speeds.dfhf) / median(speeds.nginx),
  transfers: Number(values.transfers),
  residentSize,
}
process.stdout.write(`| | MB/s over ${CONNECTIONS} ranges |\n| --- | --- |\n`)
process.stdout.write(
  `| dfhf serve | ${Math.round(result.dfhf)} |\n| nginx, sendfile | ${Math.round(result.nginx)} |\n`,
)
process.stdout.write(
  `\nratio ${result.ratio.toFixed(2)}; serve resident after ${result.transfers} transfers: `,
)
process.stdout.write(`${Math.round(residentSize / 1e6)} MB\n`)
if (values.json) writeFileSync(values.json, `${JSON.stringify(result)}\n`)

function start(command: readonly string[]) {
  const child = Bun.spawn([...command], { env, cwd: folder, stdout: 'ignore', stderr: 'ignore' })
  stack.defer(async () => {
    child.kill()
    await child.exited
  })
  return child
}

/** MB a second of the whole blob over several ranged curls at once. */
async function measure(url: string): Promise<number> {
  const startedAt = performance.now()
  const part = Math.ceil(size / CONNECTIONS)
  const children = Array.from({ length: CONNECTIONS }, (_, index) => {
    const range = `${index * part}-${Math.min(size, (index + 1) * part) - 1}`
    return Bun.spawn(['curl', '-sf', '-r', range, '-o', '/dev/null', url]).exited
  })
  const codes = await Promise.all(children)
  if (codes.some((code) => code !== 0)) throw new Error(`curl failed on ${url}: ${codes.join()}`)
  return size / 1000 / (performance.now() - startedAt)
}

async function fetchOnce(url: string): Promise<void> {
  const wait = ['--retry', '20', '--retry-all-errors', '--retry-delay', '1']
  const code = await Bun.spawn(['curl', '-sf', ...wait, '-o', '/dev/null', url]).exited
  if (code !== 0) throw new Error(`curl failed on ${url}: ${code}`)
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
