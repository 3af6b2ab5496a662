import { createCipheriv, createDecipheriv } from 'node:crypto'
import { DfhfError } from '../../base/errors.ts'
import { releaseBytes } from '../../base/release-bytes.ts'

/** Bytes in one record at most; a longer chunk becomes several. */
export const MAX_RECORD = 2 ** 18
const HEADER_LENGTH = 4
const TAG_LENGTH = 16
const LAST = 0x80000000

/**
 * A body as records of AES-256-GCM: four bytes of length with the top bit for the last record, the bytes, the tag.
 * The key is used for this body alone, so a counter is nonce enough; it also keeps the records in order. The memory
 * of the body's chunks is given back.
 */
export function sealStream(
  body: ReadableStream<Uint8Array> | null,
  key: Uint8Array,
): ReadableStream<Uint8Array> {
  const sealer = new Sealer(key)
  const reader = body?.getReader()
  return new ReadableStream({
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
          if (done) {
            controller.enqueue(sealer.next(new Uint8Array(), true))
            return controller.close()
          }
          for (let at = 0; at < value.length; at += MAX_RECORD)
            controller.enqueue(sealer.next(value.subarray(at, at + MAX_RECORD), false))
          // A stream that was given nothing is not asked again.
          if (value.length === 0) continue
          releaseBytes(value)
          return
        }
      } catch (error) {
        controller.error(error)
      }
    },
    async cancel(reason) {
      await reader?.cancel(reason)
    },
  })
}

/** The bytes of a sealed body; throws `network`, as a host on the way may have changed or cut it. */
export async function* openStream(
  body: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  sender: string,
): AsyncGenerator<Uint8Array> {
  const opener = new Opener(key)
  const records = new RecordReader()
  for await (const chunk of body) {
    for (let rest = chunk; rest.length > 0; ) {
      rest = records.take(rest)
      if (records.isTooLong) throw broken(sender)
      const record = records.next()
      if (!record) continue
      const bytes = opener.next(record.header, record.sealed)
      releaseBytes(record.sealed)
      if (!bytes) throw broken(sender)
      if (bytes.length > 0) yield bytes
      if (isLast(record.header)) return
    }
    releaseBytes(chunk)
  }
  throw new DfhfError('network', `peer ${sender} closed within an answer`, { retryable: true })
}

/** Seals a short text; `key` must be used for it alone. */
export function sealText(text: string, key: Uint8Array): string {
  return Buffer.from(new Sealer(key).next(Buffer.from(text), true)).toString('base64url')
}

/** What `sealText` sealed; undefined when it was changed or sealed with another key. */
export function openText(sealed: string, key: Uint8Array): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < HEADER_LENGTH + TAG_LENGTH) return undefined
  const opened = new Opener(key).next(bytes.subarray(0, HEADER_LENGTH), bytes.subarray(HEADER_LENGTH))
  return opened && Buffer.from(opened).toString('utf8')
}

class Sealer {
  readonly #key: Uint8Array
  #count = 0

  constructor(key: Uint8Array) {
    this.#key = key
  }

  next(bytes: Uint8Array, isLastRecord: boolean): Uint8Array {
    const header = Buffer.alloc(HEADER_LENGTH)
    header.writeUInt32BE((bytes.length | (isLastRecord ? LAST : 0)) >>> 0)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#count)).setAAD(header)
    this.#count += 1
    const sealed = cipher.update(bytes)
    const record = Buffer.concat([header, sealed, cipher.final(), cipher.getAuthTag()])
    releaseBytes(sealed)
    return record
  }
}

class Opener {
  readonly #key: Uint8Array
  #count = 0

  constructor(key: Uint8Array) {
    this.#key = key
  }

  next(header: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const end = sealed.length - TAG_LENGTH
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonceOf(this.#count), {
      authTagLength: TAG_LENGTH,
    })
    this.#count += 1
    decipher.setAAD(header).setAuthTag(sealed.subarray(end))
    try {
      const bytes = decipher.update(sealed.subarray(0, end))
      decipher.final()
      return bytes
    } catch {
      return undefined
    }
  }
}

/** Puts chunks together until a record is whole. */
class RecordReader {
  readonly #header = Buffer.alloc(HEADER_LENGTH)
  #headerHave = 0
  #sealed: Buffer | undefined
  #sealedHave = 0
  isTooLong = false

  /** Takes what belongs to the present record and returns the rest. */
  take(chunk: Uint8Array): Uint8Array {
    let rest = chunk
    if (!this.#sealed) {
      const head = rest.subarray(0, HEADER_LENGTH - this.#headerHave)
      this.#header.set(head, this.#headerHave)
      this.#headerHave += head.length
      rest = rest.subarray(head.length)
      if (this.#headerHave < HEADER_LENGTH) return rest
      const length = this.#header.readUInt32BE() % LAST
      this.isTooLong = length > MAX_RECORD
      if (this.isTooLong) return rest
      this.#sealed = Buffer.allocUnsafe(length + TAG_LENGTH)
      this.#sealedHave = 0
    }
    const part = rest.subarray(0, this.#sealed.length - this.#sealedHave)
    this.#sealed.set(part, this.#sealedHave)
    this.#sealedHave += part.length
    return rest.subarray(part.length)
  }

  /** The record, once it is whole. */
  next(): { readonly header: Uint8Array; readonly sealed: Uint8Array } | undefined {
    const sealed = this.#sealed
    if (!sealed || this.#sealedHave < sealed.length) return undefined
    this.#sealed = undefined
    this.#headerHave = 0
    return { header: Buffer.from(this.#header), sealed }
  }
}

function isLast(header: Uint8Array): boolean {
  return ((header[0] ?? 0) & 0x80) !== 0
}

function nonceOf(count: number): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(count, 6, 6)
  return nonce
}

function broken(sender: string): DfhfError {
  return new DfhfError('network', `an answer of peer ${sender} was changed on its way`, { retryable: true })
}
