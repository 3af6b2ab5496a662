import { runDfhf, startDfhf } from '../../test/support/program/binary.ts'
import { newMachine } from '../../test/support/program/machine.ts'

/** A daemon on this machine that has repos in its cache. */
export interface Neighbour extends AsyncDisposable {
  /** For `--seeds`. */
  readonly address: string
}

/** Fetches repos from a Hub into a fresh cache, and starts a daemon that serves them to peers. */
export async function startNeighbour(
  binary: string,
  endpoint: string,
  repos: readonly string[],
): Promise<Neighbour> {
  await using stack = new AsyncDisposableStack()
  const machine = stack.use(newMachine(endpoint))
  for (const repo of repos) {
    const { code, stderr } = await runDfhf(machine, ['snapshot', repo, '--quiet'], { binary })
    if (code !== 0) throw new Error(`the neighbour did not get ${repo}:\n${stderr}`)
  }
  const flags = ['--listen', '127.0.0.1:0', '--gateway', 'off', '--no-multicast']
  const env = { DFHF_NO_PEERS: undefined }
  const running = stack.use(await startDfhf(machine, ['serve', ...flags], { binary, env }))
  const port = await running.told(/ to peers on port (\d+)\n/)
  const all = stack.move()
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
