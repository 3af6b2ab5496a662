/** A platform that dfhf is built for. */
export interface Target {
  /** As the file in dist/ is called after `dfhf-`. */
  readonly name: string
  /** The package of the npm registry that holds Bun for it. */
  readonly package: string
  /** Where Bun stands in that package. */
  readonly runtime: string
  readonly suffix: string
}

/** All platforms of `npm run build -- --all`. */
export const targets: readonly Target[] = [
  { name: 'linux-x64', package: '@oven/bun-linux-x64', runtime: 'bin/bun', suffix: '' },
  { name: 'linux-arm64', package: '@oven/bun-linux-aarch64', runtime: 'bin/bun', suffix: '' },
  { name: 'darwin-x64', package: '@oven/bun-darwin-x64', runtime: 'bin/bun', suffix: '' },
  { name: 'darwin-arm64', package: '@oven/bun-darwin-aarch64', runtime: 'bin/bun', suffix: '' },
  { name: 'windows-x64', package: '@oven/bun-windows-x64', runtime: 'bin/bun.exe', suffix: '.exe' },
]
