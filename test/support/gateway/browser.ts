import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** A headless Chromium that has one page open, gone when disposed. */
export interface Browser extends AsyncDisposable {
  /** The document as it stands, with what its script has made of it; empty while there is none. */
  document(): Promise<string>
}

/** What an answer of the DevTools protocol holds of `Runtime.evaluate`: no value while the page is on its way. */
interface Evaluated {
  readonly result?: { readonly result: { readonly value?: string } }
}

/**
 * Opens a page in a Chromium whose profile is in `folder`. The page is asked over the DevTools protocol, as the browser's own
 * `--dump-dom` prints a document that has just loaded, most often before its first event has come.
 */
export async function openPage(url: string, folder: string): Promise<Browser> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0']
  const child = Bun.spawn(['chromium', ...flags, `--user-data-dir=${folder}`, url], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const end = async () => {
    child.kill('SIGKILL')
    await child.exited
  }
  try {
    const socket = await connect(await pageAddress(join(folder, 'DevToolsActivePort')))
    return {
      document: async () => {
        const { promise, resolve } = Promise.withResolvers<string>()
        socket.addEventListener('message', ({ data }) => resolve(String(data)), { once: true })
        const params = { expression: 'document.documentElement.outerHTML', returnByValue: true }
        socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params }))
        const { result }: Evaluated = JSON.parse(await promise)
        return result?.result.value ?? ''
      },
      async [Symbol.asyncDispose]() {
        socket.close()
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** Where the browser's one page listens; the browser writes its port into `file` once it has one. */
async function pageAddress(file: string): Promise<string> {
  const text = await eventually(
    async () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
    (written) => written.includes('\n'),
  )
  const [port] = text.split('\n')
  const pages = async () => {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      readonly type: string
      readonly webSocketDebuggerUrl: string
    }[]
    return targets.filter(({ type }) => type === 'page')
  }
  const [page] = await eventually(pages, (found) => found.length > 0)
  return page?.webSocketDebuggerUrl ?? ''
}

async function connect(address: string): Promise<WebSocket> {
  const socket = new WebSocket(address)
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true })
    socket.addEventListener('error', () => reject(new Error(`${address} does not answer`)), { once: true })
  })
  return socket
}
