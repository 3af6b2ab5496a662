import { tmpdir } from 'node:os'

/** A `dfhf serve` that is ready; stopped when disposed. */
export interface RunningServe extends AsyncDisposable {
  /** Where peers reach it. */
  readonly port: number
  /** What it said when it was ready. */
  readonly greeting: string
}

/** Starts `dfhf serve` on free ports and waits until it says where peers reach it. */
export async function startServe(env: Readonly<Record<string, string>>): Promise<RunningServe> {
  const child = Bun.spawn(['dfhf', 'serve'], {
    env: { ...env, DFHF_LISTEN: '0.0.0.0:0', DFHF_GATEWAY: '127.0.0.1:0' },
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const reader = child.stderr.getReader()
  let said = ''
  for (;;) {
    const found = /^.*to peers on port (\d+)$/m.exec(said)
    if (found) {
      const stop = async () => {
        child.kill('SIGTERM')
        await child.exited
      }
      return { port: Number(found[1]), greeting: found[0], [Symbol.asyncDispose]: stop }
    }
    const { value, done } = await reader.read()
    if (done) throw new Error(`dfhf serve ended at once:\n${said}`)
    said += new TextDecoder().decode(value)
  }
}
