/** What each folder of src may import from besides itself, highest first. */
const layers = {
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

/** Folders whose types may be imported, but no code. */
const typesOnly = { ui: ['repo-download', 'transfer'], 'repo-download': ['storage'] }

const inside = (...names) => `^src/(${names.join('|')})/`

const layerRules = Object.entries(layers).map(([layer, below]) => ({
  name: `${layer}-imports-downwards`,
  severity: 'error',
  comment: `${layer} imports from ${below.join(', ') || 'nothing else'}.`,
  from: { path: inside(layer) },
  to: { path: '^(src|bin|scripts|test)/', pathNot: inside(layer, ...below) },
}))

const typesOnlyRules = Object.entries(typesOnly).map(([layer, targets]) => ({
  name: `${layer}-imports-types-only`,
  severity: 'error',
  comment: `${layer} imports only types from ${targets.join(' and ')}.`,
  from: { path: inside(layer) },
  to: { path: inside(...targets), dependencyTypesNot: ['type-only'] },
}))

export default {
  forbidden: [
    ...layerRules,
    ...typesOnlyRules,
    {
      name: 'known-layer',
      severity: 'error',
      comment: 'A new folder of src needs its place in the table above.',
      from: { path: '^src/', pathNot: inside(...Object.keys(layers)) },
      to: {},
    },
    {
      name: 'bin-starts-commands',
      severity: 'error',
      comment: 'bin imports from commands alone.',
      from: { path: '^bin/' },
      to: { path: '^(src|scripts|test)/', pathNot: inside('commands') },
    },
    {
      name: 'support-stands-below',
      severity: 'error',
      comment:
        'Tests import scripts and test/support, scripts import test/support, and that imports src alone.',
      from: { path: '^test/support/' },
      to: { path: '^(scripts|test)/', pathNot: '^test/support/' },
    },
    {
      name: 'scripts-import-no-tests',
      severity: 'error',
      comment: 'What scripts and tests share stands in test/support.',
      from: { path: '^scripts/' },
      to: { path: '^test/', pathNot: '^test/support/' },
    },
    {
      name: 'http-client-in-http',
      severity: 'error',
      comment: 'Only src/http imports an HTTP client.',
      from: { path: '^(src|bin)/', pathNot: inside('http') },
      to: { path: '(^|/)undici(/|$)' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Files that import each other, be it for types, can only be read together.',
      from: { path: '^(src|scripts)/' },
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Imports inside the project name the file with its .ts; others are in package.json.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    builtInModules: { add: ['bun', 'bun:ffi', 'bun:test'] },
    // No .ts among them, so that an import without it is not resolved.
    enhancedResolveOptions: {
      extensions: ['.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
}
