import { join } from 'node:path'
import type { FaultsOrder } from './control.ts'
import type { HubStats, RequestRecord, Side } from './stats.ts'

/** A test Hub in a process of its own; ends when disposed. */
export interface HubProcess extends AsyncDisposable {
  readonly url: string
  readonly cdnUrl: string
  readonly pid: number
  order(order: FaultsOrder): Promise<void>
  stats(): Promise<HubStats>
  /** Every request in the order of arrival. */
  requests(): Promise<readonly RequestRecord[]>
  resetStats(): Promise<void>
  /** Takes one side down for so long. */
  goDown(side: Side, ms: number): Promise<void>
}

/** Starts `test/support/hub/main.ts` with its flags, behind a command such as `ip netns exec name` where given. */
export async function startHubProcess(
  flags: readonly string[],
  prefix: readonly string[] = [],
): Promise<HubProcess> {
  const command = [...prefix, process.execPath, join(import.meta.dir, 'main.ts'), ...flags]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  const where = JSON.parse(await firstLine(child.stdout)) as { url: string; cdnUrl: string; pid: number }
  const control = async (method: string, name: string, body?: object) => {
    const url = `${where.url}/_test/${name}`
    const text = body === undefined ? undefined : JSON.stringify(body)
    if (prefix.length > 0) return JSON.parse(await askThere(prefix, method, url, text))
    return (await fetch(url, { method, ...(text !== undefined && { body: text }) })).json()
  }
  return {
    ...where,
    order: async (order) => void (await control('POST', 'faults', order)),
    stats: async () => (await control('GET', 'stats')) as HubStats,
    requests: async () => (await control('GET', 'requests')) as RequestRecord[],
    resetStats: async () => void (await control('POST', 'reset')),
    goDown: async (side, ms) => void (await control('POST', 'down', { side, ms })),
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
    },
  }
}

/** Asks from where the Hub runs: this process may not reach that network. */
async function askThere(
  prefix: readonly string[],
  method: string,
  url: string,
  body: string | undefined,
): Promise<string> {
  const ask = [process.execPath, join(import.meta.dir, 'ask.ts'), method, url]
  const command = [...prefix, ...ask, ...(body === undefined ? [] : [body])]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  return new Response(child.stdout).text()
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'))
  }
  throw new Error('the test hub ended before it said where it is')
}
