import type { BlobShelf, SharedBlob } from '../swarm/server/blob-shelf.ts'
import { RateLimiter } from '../transfer/rate-limiter.ts'

/** A shelf from which all bytes together leave at no more than so many a second. */
export function slowShelf(shelf: BlobShelf, bytesPerSecond: number): BlobShelf {
  const limiter = new RateLimiter(bytesPerSecond)
  return {
    async find(oid, asker, options) {
      const blob = await shelf.find(oid, asker, options)
      return blob && slowDown(blob, limiter)
    },
    onChange: (oid, listener) => shelf.onChange(oid, listener),
  }
}

/** A shared blob whose bytes leave no faster than the limiter lets them: they pass through the program, where the runtime alone would send a file. */
function slowDown(blob: SharedBlob, limiter: RateLimiter): SharedBlob {
  const open: SharedBlob['open'] = async (range) => {
    const body = await blob.open(range)
    const stop = new AbortController()
    const reader = (body instanceof ReadableStream ? body : body.stream()).getReader()
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await reader.read()
        if (done) return controller.close()
        await limiter.take(value.length, stop.signal)
        controller.enqueue(value)
      },
      cancel(reason) {
        stop.abort()
        return reader.cancel(reason)
      },
    })
  }
  return new Proxy(blob, {
    get: (target, name) => (name === 'open' ? open : Reflect.get(target, name, target)),
  })
}
