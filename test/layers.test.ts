import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const top = join(import.meta.dir, '..')
const cruiser = join(top, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')

interface Violation {
  readonly from: string
  readonly to: string
  readonly rule: string
}

/** What dependency-cruiser says of a project by the rules of this one. */
async function violationsIn(folder: string, ...parts: readonly string[]): Promise<Violation[]> {
  const rules = join(top, '.dependency-cruiser.mjs')
  const command = [process.execPath, cruiser, '--config', rules, '--output-type', 'json', ...parts]
  const child = Bun.spawn(command, { cwd: folder, stdout: 'pipe', stderr: 'inherit' })
  const report = (await new Response(child.stdout).json()) as {
    readonly summary: {
      readonly violations: readonly { from: string; to: string; rule: { name: string } }[]
    }
  }
  return report.summary.violations.map(({ from, to, rule }) => ({ from, to, rule: rule.name }))
}

test('imports go one way and never in a circle', async () => {
  expect(await violationsIn(top, 'bin', 'src', 'scripts', 'test')).toEqual([])
}, 60_000)

describe('of imports, dependency-cruiser', () => {
  /** Each file stands alone; what it imports is there. */
  const refused = [
    [
      'a lower layer importing a higher one',
      'src/blob/a1.ts',
      "import { x } from '../hub/x.ts'",
      'blob-imports-downwards',
    ],
    [
      'neighbours importing each other',
      'src/swarm/a2.ts',
      "import type { X } from '../storage/x.ts'",
      'swarm-imports-downwards',
    ],
    ['hub importing swarm', 'src/hub/a3.ts', "import { x } from '../swarm/x.ts'", 'hub-imports-downwards'],
    [
      'code of transfer in ui',
      'src/ui/a4.ts',
      "import { x, type X } from '../transfer/x.ts'",
      'ui-imports-types-only',
    ],
    [
      'code beside types in ui',
      'src/ui/a5.ts',
      "import type { X } from '../transfer/x.ts'\nimport { x } from '../transfer/x.ts'",
      'ui-imports-types-only',
    ],
    [
      'ui importing storage',
      'src/ui/a6.ts',
      "import type { X } from '../storage/x.ts'",
      'ui-imports-downwards',
    ],
    [
      'an import over several lines',
      'src/base/a7.ts',
      "import {\n  x,\n  y,\n} from '../http/x.ts'",
      'base-imports-downwards',
    ],
    ['a re-export', 'src/base/a8.ts', "export { x } from '../http/x.ts'", 'base-imports-downwards'],
    ['an import for its effect', 'src/base/a9.ts', "import '../http/x.ts'", 'base-imports-downwards'],
    [
      'a dynamic import',
      'src/base/a10.ts',
      "const x = await import('../http/x.ts')",
      'base-imports-downwards',
    ],
    [
      'an import inside a type',
      'src/base/a11.ts',
      "export type X = import('../http/x.ts').X",
      'base-imports-downwards',
    ],
    [
      'bin reaching past commands',
      'bin/a12.ts',
      "import { x } from '../src/hub/x.ts'",
      'bin-starts-commands',
    ],
    [
      'the program importing a script',
      'src/base/a13.ts',
      "import { x } from '../../scripts/x.ts'",
      'base-imports-downwards',
    ],
    [
      'undici outside http',
      'src/hub/a14.ts',
      "import { Agent } from 'undici/index.js'",
      'http-client-in-http',
    ],
    [
      'what tests share importing a script',
      'test/support/hub/a20.ts',
      "import { x } from '../../../scripts/x.ts'",
      'support-stands-below',
    ],
    [
      'what tests share importing a test',
      'test/support/hub/a21.ts',
      "import { x } from '../../hub/x.ts'",
      'support-stands-below',
    ],
    [
      'a script importing a test',
      'scripts/bench/a22.ts',
      "import { x } from '../../test/hub/x.ts'",
      'scripts-import-no-tests',
    ],
    ['an import without .ts', 'src/hub/a15.ts', "import { x } from './x'", 'resolvable'],
    ['a file in no layer', 'src/misc/a16.ts', "import { x } from '../base/x.ts'", 'known-layer'],
    [
      'code of storage in a download',
      'src/repo-download/a19.ts',
      "import { x } from '../storage/x.ts'",
      'repo-download-imports-types-only',
    ],
    ['a circle of files', 'src/hub/a17.ts', "import { x } from './b17.ts'", 'no-cycles'],
    ['a circle of types', 'scripts/a18.ts', "import type { X } from './b18.ts'", 'no-cycles'],
  ] as const

  const allowed = [
    ['a step down', 'src/hub/c1.ts', "import { x } from '../http/x.ts'"],
    ['several steps down', 'src/serve/c2.ts', "import { x } from '../base/x.ts'"],
    ['types of transfer in ui', 'src/ui/c3.ts', "import { type X, type Y } from '../transfer/x.ts'"],
    ['commands building everything', 'src/commands/c4.ts', "import { x } from '../swarm/x.ts'"],
    ['bin starting commands', 'bin/c5.ts', "import { x } from '../src/commands/x.ts'"],
    ['undici in http', 'src/http/c6.ts', "import { Agent } from 'undici/index.js'"],
    ['a script using what tests share', 'scripts/c8.ts', "import { x } from '../test/support/hub/x.ts'"],
    ['a test using a script', 'test/bench/c9.ts', "import { x } from '../../scripts/x.ts'"],
    ['a module of Bun', 'src/storage/c7.ts', "import { dlopen } from 'bun:ffi'"],
  ] as const

  const folder = mkdtempSync(join(tmpdir(), 'dfhf-layers-'))
  let violations: readonly Violation[] = []

  beforeAll(async () => {
    const layers = ['commands', 'hub', 'swarm', 'storage', 'transfer', 'http', 'base']
    const others = ['scripts/x.ts', 'test/hub/x.ts', 'test/support/hub/x.ts']
    const targets = [...layers.map((layer) => `src/${layer}/x.ts`), ...others]
    const cases = [...refused, ...allowed]
    await Promise.all([
      ...targets.map((path) => Bun.write(join(folder, path), 'export const x = 1\nexport type X = 1\n')),
      ...cases.map(([, path, text]) => Bun.write(join(folder, path), text)),
      Bun.write(join(folder, 'src/hub/b17.ts'), "import { y } from './a17.ts'"),
      Bun.write(join(folder, 'scripts/b18.ts'), "import type { Y } from './a18.ts'"),
      Bun.write(join(folder, 'node_modules/undici/index.js'), ''),
    ])
    violations = await violationsIn(folder, 'bin', 'src', 'scripts', 'test')
  }, 60_000)

  afterAll(() => rmSync(folder, { recursive: true }))

  const rulesBrokenBy = (path: string) => [
    ...new Set(violations.filter(({ from }) => from === path).map(({ rule }) => rule)),
  ]

  test.each(refused)('refuses %s', (_what, path, _text, rule) => {
    expect(rulesBrokenBy(path)).toEqual([rule])
  })

  test.each(allowed)('allows %s', (_what, path) => {
    expect(rulesBrokenBy(path)).toEqual([])
  })
})

/** Texts that have their place. */
const bounded = [
  {
    pattern: /\b(?:process|Bun|import\.meta)\.env\b/,
    isAllowed: (path: string) => /^(?:bin|src\/commands)\//.test(path),
    reason: 'only bin and src/commands read the environment',
  },
  {
    pattern: /\bprocess\.exit\(/,
    isAllowed: (path: string) => path.startsWith('bin/'),
    reason: 'only bin ends the process',
  },
  {
    pattern: /\bHubClient\b/,
    isAllowed: (path: string) => /^src\/(?:hub|commands|gateway)\//.test(path),
    reason: 'all others see an origin as an interface',
  },
  {
    pattern: /\bnew URL\(\s*['"]\.\.\//,
    isAllowed: () => false,
    reason: 'a worker stands beside the file that starts it',
  },
]

/** Every line that breaks one of these rules, as `path:line: 'text': why not`. */
function textOffences(path: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      bounded
        .filter(({ pattern, isAllowed }) => pattern.test(line) && !isAllowed(path))
        .map(({ reason }) => `${path}:${index + 1}: '${line.trim()}': ${reason}`),
    )
}

describe('what a line says', () => {
  test('stands where it may', async () => {
    const paths = await Array.fromAsync(new Bun.Glob('{src,bin}/**/*.ts').scan({ cwd: top }))
    expect(paths.length).toBeGreaterThan(50)
    const texts = paths.map(async (path) => textOffences(path, await readFile(join(top, path), 'utf8')))
    expect((await Promise.all(texts)).flat()).toEqual([])
  })

  test.each([
    ['the environment read inside', 'src/hub/a.ts', 'const home = process.env.HF_HOME'],
    ['the process ended inside', 'src/commands/a.ts', '  process.exit(1)'],
    ['the Hub where any origin would do', 'src/peer/a.ts', 'constructor(hub: HubClient) {}'],
    ['a worker of another folder', 'src/base/a.ts', "new Worker(new URL('../http/x.ts', import.meta.url))"],
  ])('is refused where it is %s', (_what, path, text) => {
    const offences = textOffences(path, `// a\n${text}\n`)
    expect(offences).toHaveLength(1)
    expect(offences[0]).toStartWith(`${path}:2: '${text.trim()}': `)
  })

  test.each([
    ['the environment in bin', 'bin/dfhf.ts', 'run(process.env)'],
    ['a worker beside', 'src/hash/a.ts', "new Worker(new URL('./x.ts', import.meta.url))"],
  ])('is allowed where it is %s', (_what, path, text) => {
    expect(textOffences(path, text)).toEqual([])
  })
})
