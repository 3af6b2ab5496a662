import type { BlobShelf, SharedBlob } from '../swarm/server/blob-shelf.ts'
import { senderOf } from '../swarm/trust/sender-of.ts'
import { FairLimiter } from './fair-limiter.ts'

/** A shelf from which all bytes together leave at no more than so many a second, in equal shares for all peers. */
export function slowShelf(shelf: BlobShelf, bytesPerSecond: number): BlobShelf {
  const limiter = new FairLimiter(bytesPerSecond)
  return {
    async find(oid, asker, options) {
      const blob = await shelf.find(oid, asker, options)
      return blob && slowDown(blob, limiter, senderOf(asker.address))
    },
    onChange: (oid, listener) => shelf.onChange(oid, listener),
  }
}

/** A shared blob whose bytes leave no faster than the limiter lets them: they pass through the program, where the runtime alone would send a file. */
function slowDown(blob: SharedBlob, limiter: FairLimiter, to: string): SharedBlob {
  const open: SharedBlob['open'] = async (range) => {
    const body = await blob.open(range)
    const stop = new AbortController()
    const reader = (body instanceof ReadableStream ? body : body.stream()).getReader()
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await reader.read()
        if (done) return controller.close()
        await limiter.take(value.length, to, stop.signal)
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
