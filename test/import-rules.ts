import { posix } from 'node:path'

/** A file's text, by its path from the top of the project. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** One import of one file. */
export interface SourceImport {
  readonly file: string
  readonly line: number
  readonly specifier: string
  readonly isTypeOnly: boolean
}

/** What each layer may import from besides itself; the order of the design, highest first. */
const below: Readonly<Record<string, readonly string[]>> = {
  commands: [
    'ui',
    'serve',
    'gateway',
    'repo-download',
    'peer',
    'transfer',
    'swarm',
    'schedule',
    'hash',
    'hub',
    'storage',
    'http',
    'repo',
    'blob',
    'base',
  ],
  ui: ['repo-download', 'transfer', 'blob', 'base'],
  serve: ['gateway', 'peer', 'transfer', 'swarm', 'hub', 'storage', 'http', 'repo', 'blob', 'base'],
  gateway: ['peer', 'hub', 'storage', 'http', 'repo', 'blob', 'base'],
  'repo-download': ['transfer', 'storage', 'http', 'repo', 'blob', 'base'],
  peer: ['transfer', 'swarm', 'schedule', 'hash', 'storage', 'http', 'repo', 'blob', 'base'],
  transfer: ['swarm', 'schedule', 'hash', 'http', 'blob', 'base'],
  swarm: ['schedule', 'http', 'blob', 'base'],
  schedule: ['blob', 'base'],
  hash: ['blob', 'base'],
  hub: ['http', 'repo', 'blob', 'base'],
  storage: ['repo', 'blob', 'base'],
  http: ['blob', 'base'],
  repo: ['blob', 'base'],
  blob: ['base'],
  base: [],
}

/** Layers whose types may be imported, but no code. */
const typesOnly: Readonly<Record<string, readonly string[]>> = {
  ui: ['repo-download', 'transfer'],
  'repo-download': ['storage'],
}

/** Texts that have their place, and what is said of them elsewhere. */
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
]

/** Every line that breaks a rule, as `path:line: what is wrong`. */
export function findOffences(files: readonly SourceFile[]): string[] {
  const imports = files.flatMap(importsOf)
  return [
    ...imports.flatMap((each) => {
      const reason = importOffence(each)
      return reason === undefined ? [] : [`${each.file}:${each.line}: '${each.specifier}': ${reason}`]
    }),
    ...files.flatMap(textOffences),
    ...findCycles(imports),
  ]
}

/** All imports and re-exports of a file, dynamic ones and files named by URL (workers) included. */
export function importsOf({ path, text }: SourceFile): SourceImport[] {
  const found: SourceImport[] = []
  const note = (index: number, specifier: string, isTypeOnly: boolean) => {
    found.push({ file: path, line: text.slice(0, index).split('\n').length, specifier, isTypeOnly })
  }
  for (const match of text.matchAll(
    /^(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s*['"]([^'"]+)['"]/gm,
  )) {
    note(match.index, match[3] ?? '', match[1] !== undefined || namesOnlyTypes(match[2] ?? ''))
  }
  for (const match of text.matchAll(/^import\s+['"]([^'"]+)['"]/gm)) note(match.index, match[1] ?? '', false)
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g))
    note(match.index, match[1] ?? '', false)
  for (const match of text.matchAll(/new URL\(\s*['"](\.[^'"]+)['"],\s*import\.meta/g)) {
    note(match.index, match[1] ?? '', false)
  }
  return found
}

function namesOnlyTypes(clause: string): boolean {
  const names = /^\{([\s\S]*)\}$/.exec(clause.trim())?.[1]
  const parts = names?.split(',').filter((part) => part.trim() !== '') ?? []
  return parts.length > 0 && parts.every((part) => /^\s*type\s/.test(part))
}

function importOffence({ file, specifier, isTypeOnly }: SourceImport): string | undefined {
  const layer = layerOf(file)
  if (!specifier.startsWith('.')) {
    if (!/^undici\b/.test(specifier) || layer === 'http') return undefined
    return 'only src/http imports an HTTP client'
  }
  if (!specifier.endsWith('.ts')) return 'imports inside the project end in .ts'
  const target = layerOf(posix.join(posix.dirname(file), specifier))
  if (target === layer || (layer === 'bin' && target === 'commands')) return undefined
  if (layer === undefined) return `${file} is in no known layer`
  if (target === undefined || !below[layer]?.includes(target)) return `${layer} may not import from ${target}`
  const needsType = typesOnly[layer]?.includes(target) ?? false
  return needsType && !isTypeOnly ? `${layer} imports only types from ${target}` : undefined
}

function layerOf(path: string): string | undefined {
  if (path.startsWith('bin/')) return 'bin'
  const layer = /^src\/([^/]+)\//.exec(path)?.[1]
  return layer !== undefined && layer in below ? layer : undefined
}

function textOffences({ path, text }: SourceFile): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      bounded
        .filter(({ pattern, isAllowed }) => pattern.test(line) && !isAllowed(path))
        .map(({ reason }) => `${path}:${index + 1}: '${line.trim()}': ${reason}`),
    )
}

/** One line for each file that reaches itself over imports; types are imported in circles without harm. */
function findCycles(imports: readonly SourceImport[]): string[] {
  const targets = new Map<string, string[]>()
  for (const { file, specifier, isTypeOnly } of imports) {
    if (isTypeOnly || !specifier.startsWith('.')) continue
    targets.set(file, [...(targets.get(file) ?? []), posix.join(posix.dirname(file), specifier)])
  }
  const settled = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file)
    if (start >= 0) {
      cycles.push(`${file}: imports itself over ${[...trail.slice(start), file].join(' -> ')}`)
    } else if (!settled.has(file)) {
      for (const target of targets.get(file) ?? []) visit(target, [...trail, file])
      settled.add(file)
    }
  }
  for (const file of targets.keys()) visit(file, [])
  return cycles
}
