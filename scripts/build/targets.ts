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

/** All platforms of `npm run build -- --all`. Bun's x64 asks for no more than SSE 4.2: its "baseline" is the same file. */
export const targets: readonly Target[] = [
  { name: 'linux-x64', package: '@oven/bun-linux-x64', runtime: 'bin/bun', suffix: '' },
  { name: 'linux-arm64', package: '@oven/bun-linux-aarch64', runtime: 'bin/bun', suffix: '' },
  { name: 'linux-x64-musl', package: '@oven/bun-linux-x64-musl', runtime: 'bin/bun', suffix: '' },
  { name: 'linux-arm64-musl', package: '@oven/bun-linux-aarch64-musl', runtime: 'bin/bun', suffix: '' },
  { name: 'darwin-x64', package: '@oven/bun-darwin-x64', runtime: 'bin/bun', suffix: '' },
  { name: 'darwin-arm64', package: '@oven/bun-darwin-aarch64', runtime: 'bin/bun', suffix: '' },
  { name: 'windows-x64', package: '@oven/bun-windows-x64', runtime: 'bin/bun.exe', suffix: '.exe' },
  { name: 'windows-arm64', package: '@oven/bun-windows-aarch64', runtime: 'bin/bun.exe', suffix: '.exe' },
]
