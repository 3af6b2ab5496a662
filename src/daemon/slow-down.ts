import type { SharedBlob } from '../swarm/blob-shelf.ts'
import type { RateLimiter } from '../transfer/rate-limiter.ts'

/** A shared blob whose bytes leave no faster than the limiter lets them. They pass through the program then. */
export function slowDown(blob: SharedBlob, limiter: RateLimiter): SharedBlob {
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
