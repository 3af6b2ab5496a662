import { afterEach } from 'bun:test'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'

/** A process of a test, talked to line by line. */
export interface Child {
  readonly pid: number
  /** The next line of its output. */
  nextLine(): Promise<string>
  say(line: string): void
  kill(signal: NodeJS.Signals): void
  readonly exited: Promise<void>
}

/** A function that starts processes; those still alive are killed when the test is over. */
export function children(): (command: string, ...args: readonly string[]) => Child {
  const started: ChildProcessWithoutNullStreams[] = []
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL')
  })
  return (command, ...args) => {
    const child = spawn(command, args)
    started.push(child)
    child.stderr.pipe(process.stderr)
    const lines = readLines(child)
    return {
      pid: child.pid ?? 0,
      async nextLine() {
        const { value, done } = await lines.next()
        if (done) throw new Error(`${command} ended`)
        return value
      },
      say: (line) => child.stdin.write(`${line}\n`),
      kill: (signal) => child.kill(signal),
      exited: new Promise((resolve) => child.once('exit', () => resolve())),
    }
  }
}

async function* readLines(child: ChildProcessWithoutNullStreams): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of child.stdout) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
