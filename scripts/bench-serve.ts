// A daemon sending one blob against nginx with sendfile, and what the daemon's memory is after 200 transfers.
import { parseArgs } from 'node:util'
import { parseSize } from '../src/base/size.ts'
import { UPLOADS_PER_ADDRESS } from '../src/schedule/tuning.ts'
import { startNode } from '../test/support/gateway/gateway-node.ts'
import { fileName, repo, startBenchHub } from './bench/bench-hub.ts'
import { cpuMsOf, median, residentSizeOf } from './bench/measure.ts'
import { freePort, startNginx } from './bench/nginx.ts'
import { machineLine, megabytes, seconds, table, writeFigures } from './bench/report.ts'

const usage = `bun scripts/bench-serve.ts [options]    (nginx, curl)
  --size SIZE      of the blob (default 1GiB)
  --rounds N       how often each way is measured; the middle one counts (default 5)
  --transfers N    after which the daemon's memory is looked at (default 200)
  --json FILE      writes all figures there
The program is the one in DFHF_BINARY, or is built.
`

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1GiB' },
    rounds: { type: 'string', default: '5' },
    transfers: { type: 'string', default: '200' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** As many as one peer gets from another at once. */
const CONNECTIONS = UPLOADS_PER_ADDRESS
/** What curl ends with when a server refuses a request. */
const HTTP_ERROR = 22
/** The least of nginx's speed that the daemon is to reach. */
const GOAL = 1

interface Server {
  readonly name: string
  readonly pid: number
  readonly url: string
}

interface Run {
  readonly bytesPerMs: number
  /** Of the server. */
  readonly cpuMs: number
}

if (values.help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const size = parseSize(values.size)
  const transfers = Number(values.transfers)
  await using hub = await startBenchHub(size)
  await using node = await startNode(hub.url, { seeds: [] })
  await fetchWhole(`${node.url}/${repo}/resolve/main/${fileName}`)
  const port = freePort()
  const path = await storedPath(node.machine.folder, hub.sha256)
  await using nginx = await startNginx(
    `server { listen 127.0.0.1:${port}; location = /blob { alias ${path}; } }`,
    [port],
  )
  const ours = {
    name: 'dfhf serve',
    pid: node.running.pid,
    url: `http://${node.peerAddress}/v1/blobs/${hub.sha256}`,
  }
  const theirs = { name: 'nginx, sendfile', pid: nginx.pid, url: `http://127.0.0.1:${port}/blob` }
  process.stdout.write(`${values.size} over ${CONNECTIONS} ranges at once; ${machineLine()}\n\n`)
  const runs = await measureInTurn([ours, theirs], size)
  for (let done = 0; done < transfers; done += 1) await fetchWhole(ours.url)
  const residentSize = residentSizeOf(ours.pid)
  const ratio = median(runs.map(([our, their]) => our.bytesPerMs / their.bytesPerMs))
  const rows = [ours, theirs].map(({ name }, index) => ({
    name,
    bytesPerMs: median(runs.map((run) => run[index]?.bytesPerMs ?? 0)),
    cpuMsPerGiB: (median(runs.map((run) => run[index]?.cpuMs ?? 0)) * 2 ** 30) / size,
  }))
  process.stdout.write(
    table(
      ['', 'MB/s', 'CPU time a GiB', "of nginx's speed"],
      rows.map((row, index) => [
        row.name,
        String(Math.round(row.bytesPerMs / 1000)),
        seconds(row.cpuMsPerGiB),
        index === 0 ? `${ratio.toFixed(2)} (goal ≥ ${GOAL.toFixed(1)})` : '',
      ]),
    ),
  )
  process.stdout.write(`\nresident after ${transfers} more transfers: ${megabytes(residentSize)}\n`)
  writeFigures(values.json, { size, rounds: runs.length, rows, ratio, transfers, residentSize })
}

async function measureInTurn(servers: readonly [Server, Server], size: number): Promise<[Run, Run][]> {
  const runs: [Run, Run][] = []
  // The first round does not count: it brings the blob into the page cache and the server up to speed.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const pair: [Run, Run] = [await measureOnce(servers[0], size), await measureOnce(servers[1], size)]
    if (round > 0) runs.push(pair)
  }
  return runs
}

/** The whole blob over several ranged curls at once; anew where the server still counts those of the round before. */
async function measureOnce({ name, url, pid }: Server, size: number, triesLeft = 5): Promise<Run> {
  const cpuBefore = cpuMsOf(pid)
  const startedAt = performance.now()
  const part = Math.ceil(size / CONNECTIONS)
  const children = Array.from({ length: CONNECTIONS }, (_, index) => {
    const range = `${index * part}-${Math.min(size, (index + 1) * part) - 1}`
    return Bun.spawn(['curl', '-sf', '-r', range, '-o', '/dev/null', url]).exited
  })
  const codes = await Promise.all(children)
  const isBusy = codes.includes(HTTP_ERROR) && triesLeft > 0
  if (isBusy) return await measureOnce({ name, url, pid }, size, triesLeft - 1)
  if (codes.some((code) => code !== 0)) throw new Error(`curl failed on ${url}: ${codes.join()}`)
  return { bytesPerMs: size / (performance.now() - startedAt), cpuMs: cpuMsOf(pid) - cpuBefore }
}

async function fetchWhole(url: string): Promise<void> {
  const wait = ['--retry', '20', '--retry-all-errors', '--retry-delay', '1']
  const code = await Bun.spawn(['curl', '-sfL', ...wait, '-o', '/dev/null', url]).exited
  if (code !== 0) throw new Error(`curl failed on ${url}: ${code}`)
}

/** Where the daemon keeps the blob, so that nginx sends the same file. */
async function storedPath(folder: string, oid: string): Promise<string> {
  for await (const path of new Bun.Glob(`**/${oid}`).scan({ cwd: folder, absolute: true, dot: true }))
    return path
  throw new Error(`the daemon has no blob ${oid} below ${folder}`)
}
