/** Stands in for systemd: a local socket, and what was said at it. */
export interface StandInManager extends AsyncDisposable {
  /** For NOTIFY_SOCKET. */
  readonly socketName: string
  /** Resolves to the next message. */
  next(): Promise<string | undefined>
}

const script = `
import socket, sys
name = sys.argv[1]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind('\\0' + name[1:] if name.startswith('@') else name)
print('bound', flush=True)
while True:
    print(manager.recv(4096).decode(), flush=True)
`

/** Binds a name as systemd does, by Python: Bun has no such sockets. */
export async function startServiceManager(socketName: string): Promise<StandInManager> {
  const child = Bun.spawn(['python3', '-c', script, socketName], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = linesOf(child.stdout)
  const next = async () => (await lines.next()).value
  await next()
  return {
    socketName,
    next: async () => await next(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  return undefined
}
