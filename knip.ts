import type { KnipConfig } from 'knip'

/** With --production only what the program and the scripts use counts, so that what only tests keep alive is found. */
const isProduction = process.argv.includes('--production')

export default {
  entry: [
    'bin/dfhf.ts!',
    'src/hash/hash-worker.ts!',
    'scripts/*.ts!',
    'scripts/deploy/manifest.ts!',
    'test/**/*.test.ts',
    // What tests start as processes of their own.
    'test/**/*-child.ts',
    'test/**/binary-fixture.ts',
    'test/support/bed/{evil-peer,inventor,relaying-peer}.ts',
    'test/support/hub/{ask,main}.ts',
  ],
  project: ['{bin,src,scripts}/**/*.ts!', 'test/**/*.ts'],
  // The system's own commands.
  ignoreBinaries: ['mkfifo', 'mount', 'umount'],
  // A test may look into a part that its own file uses; a part that nothing but the test uses is dead.
  ignoreExportsUsedInFile: isProduction,
} satisfies KnipConfig
