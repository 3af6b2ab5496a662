import { join } from 'node:path'
import type { FaultsOrder } from './control.ts'
import type { HubStats } from './stats.ts'

/** A test Hub in a process of its own; ends when disposed. */
export interface HubProcess extends AsyncDisposable {
  readonly url: string
  readonly cdnUrl: string
  readonly pid: number
  order(order: FaultsOrder): Promise<void>
  stats(): Promise<HubStats>
  resetStats(): Promise<void>
}

/** Starts `test/hub/main.ts` with its flags, behind a command such as `ip netns exec name` where given. */
export async function startHubProcess(
  flags: readonly string[],
  prefix: readonly string[] = [],
): Promise<HubProcess> {
  const command = [...prefix, process.execPath, join(import.meta.dir, 'main.ts'), ...flags]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  const where = JSON.parse(await firstLine(child.stdout)) as { url: string; cdnUrl: string; pid: number }
  const control = async (method: string, name: string, body?: object) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    return (await fetch(`${where.url}/_test/${name}`, init)).json()
  }
  return {
    ...where,
    order: async (order) => void (await control('POST', 'faults', order)),
    stats: async () => (await control('GET', 'stats')) as HubStats,
    resetStats: async () => void (await control('POST', 'reset')),
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
    },
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'))
  }
  throw new Error('the test hub ended before it said where it is')
}
