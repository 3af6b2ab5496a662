import { describe, expect, test } from 'bun:test'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { FakeProcess } from './fake-process.ts'

const home = temporaryFolders()

async function script(shell: string): Promise<string> {
  const { stdout } = await new FakeProcess().run(['completion', shell])
  return stdout
}

/** What a real shell says when it runs `program`, whose first argument is the completion script. */
async function runShell(
  command: readonly string[],
  completion: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { env: { ...process.env, ...env }, stdout: 'pipe', stderr: 'pipe' } as const
  const child = Bun.spawn([...command, completion], options)
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  expect(errors).toBe('')
  return output
}

describe('completion for bash', () => {
  async function complete(...words: readonly string[]): Promise<string[]> {
    const list = words.map((word) => `'${word}'`).join(' ')
    const program = `eval "$1"; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _dfhf; printf '%s\\n' "\${COMPREPLY[@]}"`
    const output = await runShell(['bash', '--norc', '-c', program, 'bash'], await script('bash'))
    return output.split('\n').filter((line) => line !== '')
  }

  test('offers the commands', async () => {
    expect(await complete('dfhf', 's')).toEqual(['snapshot', 'serve'])
  })

  test('offers the options of the command, and none of another', async () => {
    expect(await complete('dfhf', 'download', '--re')).toEqual(['--repo-type', '--revision'])
    expect(await complete('dfhf', 'serve', '--gate')).toEqual([
      '--gateway',
      '--gateway-host',
      '--gateway-allow',
    ])
    expect(await complete('dfhf', 'download', '--gate')).toEqual([])
  })

  test('offers the values of a choice, folders, and shells', async () => {
    expect(await complete('dfhf', 'download', '--origin', '')).toEqual(['auto', 'seeds', 'never'])
    expect(await complete('dfhf', 'download', '--type', 'd')).toEqual(['dataset'])
    expect(await complete('dfhf', 'snapshot', '--cache-dir', '/tm')).toEqual(['/tmp'])
    expect(await complete('dfhf', 'completion', '')).toEqual(['bash', 'zsh', 'fish'])
  })

  test('offers nothing where anything may stand', async () => {
    expect(await complete('dfhf', 'download', '--revision', '')).toEqual([])
  })

  test('keeps hidden options hidden', async () => {
    expect(await complete('dfhf', 'download', '--no-')).toEqual([
      '--no-symlinks',
      '--no-multicast',
      '--no-peers',
    ])
  })
})

describe.skipIf(Bun.which('zsh') === null)('completion for zsh', () => {
  test('is a script that zsh can read', async () => {
    await runShell(['zsh', '-f', '-n', '-c'], await script('zsh'))
  })

  test('can be sourced by a shell whose user has set up nothing', async () => {
    const program = 'eval "$1"; print -- $_comps[dfhf]'
    // zsh keeps what it found in the user's folder.
    const env = { ZDOTDIR: home() }
    expect(await runShell(['zsh', '-f', '-c', program, 'zsh'], await script('zsh'), env)).toBe('_dfhf\n')
  })
})

describe.skipIf(Bun.which('fish') === null)('completion for fish', () => {
  test('offers commands, options and values', async () => {
    const asks = ['sn', 'download --rev', 'serve --origin s'].map((typed) => `complete -C "dfhf ${typed}"`)
    const program = ['echo $argv[1] | source', ...asks].join('; ')
    const output = await runShell(['fish', '--no-config', '-c', program], await script('fish'))
    expect(output.split('\n').map((line) => line.split('\t')[0])).toEqual([
      'snapshot',
      '--revision',
      'seeds',
      '',
    ])
  })
})

test('completion names every command and escapes what a shell would read', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell)
    for (const name of ['download', 'snapshot', 'serve', 'completion']) expect(text).toContain(name)
  }
})
