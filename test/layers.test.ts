import { describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findOffences, importsOf, type SourceFile } from './import-rules.ts'

const top = join(import.meta.dir, '..')

function offencesOf(path: string, text: string): string[] {
  return findOffences([{ path, text }])
}

test('imports of src and bin go one way', async () => {
  const paths = await Array.fromAsync(new Bun.Glob('{src,bin}/**/*.ts').scan({ cwd: top }))
  const files = await Promise.all(
    paths
      .filter((path) => !path.endsWith('.d.ts'))
      .sort()
      .map(async (path): Promise<SourceFile> => ({ path, text: await readFile(join(top, path), 'utf8') })),
  )
  expect(files.length).toBeGreaterThan(50)
  expect(findOffences(files)).toEqual([])
})

describe('the rules', () => {
  test.each([
    ['a lower layer importing a higher one', 'src/blob/a.ts', "import { x } from '../hub/x.ts'"],
    ['neighbours importing each other', 'src/swarm/a.ts', "import type { X } from '../storage/x.ts'"],
    ['hub importing swarm', 'src/hub/a.ts', "import { x } from '../swarm/x.ts'"],
    ['code of transfer in ui', 'src/ui/a.ts', "import { x, type Y } from '../transfer/x.ts'"],
    ['ui importing storage', 'src/ui/a.ts', "import type { X } from '../storage/x.ts'"],
    ['an import over several lines', 'src/base/a.ts', "import {\n  x,\n  y,\n} from '../http/x.ts'"],
    ['a re-export', 'src/base/a.ts', "export { x } from '../http/x.ts'"],
    ['an import for its effect', 'src/base/a.ts', "import '../http/x.ts'"],
    ['a dynamic import', 'src/base/a.ts', "const x = await import('../http/x.ts')"],
    ['a worker', 'src/base/a.ts', "new Worker(new URL('../http/x.ts', import.meta.url))"],
    ['bin reaching past commands', 'bin/dfhf.ts', "import { x } from '../src/hub/x.ts'"],
    ['undici outside http', 'src/hub/a.ts', "import { Agent } from 'undici/index.js'"],
    ['an import without .ts', 'src/hub/a.ts', "import { x } from './x'"],
    ['a file in no layer', 'src/misc/a.ts', "import { x } from '../base/x.ts'"],
    ['the Hub where any origin would do', 'src/peer/a.ts', 'constructor(hub: HubClient) {}'],
    ['code of storage in a download', 'src/repo-download/a.ts', "import { x } from '../storage/x.ts'"],
    ['the environment read inside', 'src/hub/a.ts', 'const home = process.env.HF_HOME'],
    ['the process ended inside', 'src/commands/a.ts', '  process.exit(1)'],
  ])('refuse %s', (_what, path, text) => {
    const offences = offencesOf(path, text)
    expect(offences).toHaveLength(1)
    expect(offences[0]).toStartWith(`${path}:1: `)
  })

  test.each([
    ['a step down', 'src/hub/a.ts', "import { x } from '../http/x.ts'"],
    ['several steps down', 'src/serve/a.ts', "import { x } from '../base/x.ts'"],
    ['types of transfer in ui', 'src/ui/a.ts', "import { type X, type Y } from '../transfer/x.ts'"],
    ['commands building everything', 'src/commands/a.ts', "import { x } from '../swarm/x.ts'"],
    ['bin starting commands', 'bin/dfhf.ts', "import { run } from '../src/commands/run.ts'"],
    ['undici in http', 'src/http/a.ts', "import { Agent } from 'undici/index.js'"],
    ['the environment in bin', 'bin/dfhf.ts', 'run(process.env)'],
  ])('allow %s', (_what, path, text) => {
    expect(offencesOf(path, text)).toEqual([])
  })

  test('name the line and what it imports', () => {
    expect(offencesOf('src/blob/a.ts', "// a\nimport { b } from '../hub/b.ts'\n")).toEqual([
      "src/blob/a.ts:2: '../hub/b.ts': blob may not import from hub",
    ])
  })

  test('find a circle of files, but not one of types', () => {
    const a = { path: 'src/hub/a.ts', text: "import { b } from './b.ts'" }
    const b = { path: 'src/hub/b.ts', text: "import { a } from './a.ts'" }
    expect(findOffences([a, b])).toEqual([
      'src/hub/a.ts: imports itself over src/hub/a.ts -> src/hub/b.ts -> src/hub/a.ts',
    ])
    expect(findOffences([a, { ...b, text: "import type { A } from './a.ts'" }])).toEqual([])
  })

  test('see whether only types are imported', () => {
    const read = (text: string) => importsOf({ path: 'src/ui/a.ts', text })[0]?.isTypeOnly
    expect(read("import type { A } from './a.ts'")).toBe(true)
    expect(read("import { type A, type B } from './a.ts'")).toBe(true)
    expect(read("import { type A, b } from './a.ts'")).toBe(false)
  })
})
