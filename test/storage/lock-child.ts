import { acquireFileLock } from '../../src/storage/files/file-lock.ts'

/** Holds the lock of the file named by the argument until a line comes in, or for ever. */
const [path = ''] = process.argv.slice(2)
const lock = await acquireFileLock(path, {
  onWait: (holder) => process.stdout.write(`waiting for ${holder}\n`),
})
process.stdout.write(`${lock.isHeld ? 'held' : 'not held'}\n`)
for await (const _ of process.stdin) break
await lock.release()
process.stdout.write('released\n')
process.exit(0)
