// Shows dfhf at work without internet: a Hub on this machine, with a repo of the shape of tiiuae/falcon-rw-1b.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { formatSize } from '../src/base/size.ts'
import { startHubProcess } from '../test/support/hub/hub-process.ts'
import { runTool } from './build/run-tool.ts'
import { startServe } from './demo/start-serve.ts'

const top = join(import.meta.dir, '..')
const repo = 'tiiuae/falcon-rw-1b'

/** Weights of a size, and a Hub of a speed, at which one sees the progress and need not wait for it. */
const WEIGHTS_SIZE = 600_000_000
const HUB_BYTES_PER_SECOND = 80_000_000

/** What of the user's own surroundings may reach the demo: how the terminal is, and nothing of the Hub. */
const passedOn = ['TERM', 'COLORTERM', 'NO_COLOR', 'CI', 'LANG', 'TMPDIR'] as const

process.exitCode = await main()

async function main(): Promise<number> {
  say('Building dist/dfhf.\n')
  await runTool([process.execPath, join(import.meta.dir, 'build.ts')], top)
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-demo-'))
  // The command that runs gets Ctrl-C as well; this process must stay to clean up after it.
  const stay = () => {}
  process.on('SIGINT', stay)
  try {
    // It runs as on any machine that it is copied to: away from its sources.
    const name = process.platform === 'win32' ? 'dfhf.exe' : 'dfhf'
    mkdirSync(join(folder, 'bin'))
    copyFileSync(join(top, 'dist', name), join(folder, 'bin', name))
    return await show(folder)
  } finally {
    process.off('SIGINT', stay)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function show(folder: string): Promise<number> {
  await using hub = await startHubProcess([
    '--falcon',
    String(WEIGHTS_SIZE),
    '--cdn-rate',
    String(HUB_BYTES_PER_SECOND),
  ])
  const [first, second] = ['first', 'second'].map((name) => machine(join(folder, name), hub.url))
  if (!first || !second) return 1

  say(`A Hub is at ${hub.url}; it sends ${formatSize(HUB_BYTES_PER_SECOND)} a second.\n\n`)
  const code =
    (await run(['dfhf', 'download', repo, 'pytorch_model.bin'], first)) ||
    (await run(['dfhf', 'snapshot', repo], first))
  if (code !== 0) return code

  say('The same on a second machine, while the first one serves.\n\n$ dfhf serve\n')
  await using serve = await startServe(first)
  say(`${serve.greeting}\n\n`)
  const seeds = { DFHF_SEEDS: `127.0.0.1:${serve.port}` }
  const last = await run(['dfhf', 'snapshot', repo], { ...second, ...seeds })

  const { hub: site, cdn } = await hub.stats()
  say(`Both machines have all 12 files; the Hub sent ${formatSize(site.bodyBytes + cdn.bodyBytes)} in all.\n`)
  return last
}

/** The environment of a user who has never used the Hub. */
function machine(home: string, endpoint: string): Record<string, string> {
  mkdirSync(home)
  const kept = passedOn.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(kept),
    PATH: `${join(dirname(home), 'bin')}${delimiter}${process.env.PATH ?? ''}`,
    HOME: home,
    HF_HOME: join(home, 'hf'),
    HF_ENDPOINT: endpoint,
    // Another run of this demo on the same network has the same weights, and would be a peer.
    DFHF_NO_MULTICAST: '1',
  }
}

/** Runs a command as a user would: its output goes where this one's goes. */
async function run(command: readonly string[], env: Record<string, string>): Promise<number> {
  say(`$ ${command.join(' ')}\n`)
  const child = Bun.spawn([...command], { env, cwd: tmpdir(), stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await child.exited
  say('\n')
  return code
}

function say(text: string): void {
  process.stdout.write(text)
}
