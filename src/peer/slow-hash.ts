import { delay } from '../base/delay.ts'
import type { HashService } from '../hash/hash-service.ts'
import type { HashFile } from '../storage/files/hash-file.ts'

/** Bytes that are hashed at a time; the hashes of downloads come in between. */
const STEP_SIZE = 4 * 2 ** 20

/** Hashes files no faster than `bytesPerSecond`, for checks in the background. */
export function createSlowHash(hashes: HashService, bytesPerSecond: number): HashFile {
  return async (path, oid, size, signal) => {
    const prefix = hashes.follow(path, oid, size)
    try {
      for (let done = 0; done < size; ) {
        const end = Math.min(size, done + STEP_SIZE)
        await delay(((end - done) / bytesPerSecond) * 1000, { signal })
        prefix.advance(end)
        done = end
      }
      return (await prefix.finish()) === oid
    } finally {
      prefix.close()
    }
  }
}
