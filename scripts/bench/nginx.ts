import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An nginx of its own; ends when disposed. */
export interface Nginx extends AsyncDisposable {
  readonly pid: number
}

/** Starts nginx with these servers, in nginx's own words, and returns once all `ports` of `127.0.0.1` answer. */
export async function startNginx(servers: string, ports: readonly number[]): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-bench-nginx-'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  const isRoot = process.getuid?.() === 0
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off; worker_processes 2; ${isRoot ? 'user root;' : ''} pid ${folder}/pid; error_log ${folder}/error.log; events {}
     http { ${temporary.join(' ')} access_log off; sendfile on; default_type application/octet-stream; ${servers} }`,
  )
  const child = Bun.spawn(['nginx', '-e', join(folder, 'error.log'), '-c', config], {
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const close = async () => {
    child.kill('SIGQUIT')
    await child.exited
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const port of ports) await untilListens(port, child)
  } catch (error) {
    await close()
    throw error
  }
  return { pid: child.pid, [Symbol.asyncDispose]: close }
}

/** A port of the loopback interface that was free a moment ago. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

async function untilListens(port: number, child: Bun.Subprocess<'ignore', 'ignore', 'pipe'>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) throw new Error(`nginx: ${await new Response(child.stderr).text()}`)
    try {
      const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
      socket.end()
      return
    } catch {
      await Bun.sleep(50)
    }
  }
  throw new Error(`nginx does not listen on port ${port}`)
}
