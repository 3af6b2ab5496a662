import { DfhfError } from '../base/errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPENING = new Set([0x5b, 0x7b])
const CLOSING = new Set([0x5d, 0x7d])
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d])
/** Longer parts are left out. */
const MAX_PART = 2 ** 16

/** The text of one part of a JSON list or object, or undefined for one that is longer than a part may be. */
export type JsonPart = string | undefined

/**
 * Cuts the JSON text of one list (`[`) or object (`{`) into its elements or members, as it comes, so that a large one
 * is never in memory as a whole. Each part is yet to be parsed. Throws `bad-response` for what is no such text.
 */
export async function* jsonParts(
  chunks: AsyncIterable<Uint8Array>,
  { kind, from }: { readonly kind: '[' | '{'; readonly from: string },
): AsyncGenerator<JsonPart> {
  const cutter = new PartCutter(kind.charCodeAt(0), from)
  for await (const chunk of chunks) yield* cutter.push(chunk)
  cutter.end()
}

class PartCutter {
  readonly #kind: number
  readonly #from: string
  #state: 'before' | 'within' | 'after' = 'before'
  #held: Uint8Array[] = []
  #heldSize = 0
  #depth = 0
  #isText = false
  #isEscaped = false
  #count = 0

  constructor(kind: number, from: string) {
    this.#kind = kind
    this.#from = from
  }

  *push(chunk: Uint8Array): Generator<JsonPart> {
    let start = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0
      if (this.#state !== 'within') {
        this.#outside(byte)
        start = at + 1
      } else if (this.#endsPart(byte)) {
        this.#hold(chunk.subarray(start, at))
        start = at + 1
        if (byte !== COMMA) this.#close(byte)
        yield* this.#take()
      }
    }
    if (this.#state === 'within') this.#hold(chunk.subarray(start))
  }

  end(): void {
    if (this.#state !== 'after') throw this.#garbage('ends too early')
  }

  #outside(byte: number): void {
    if (BLANK.has(byte)) return
    if (this.#state === 'after' || byte !== this.#kind) throw this.#garbage('is something else')
    this.#state = 'within'
  }

  /** True for a comma between parts and for what closes the whole. */
  #endsPart(byte: number): boolean {
    if (this.#isText) this.#inText(byte)
    else if (byte === QUOTE) this.#isText = true
    else if (OPENING.has(byte)) this.#depth += 1
    else if (this.#depth === 0) return byte === COMMA || CLOSING.has(byte)
    else if (CLOSING.has(byte)) this.#depth -= 1
    return false
  }

  #inText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === BACKSLASH) this.#isEscaped = true
    else if (byte === QUOTE) this.#isText = false
  }

  #close(byte: number): void {
    // In ASCII each bracket closes two places behind the one that opens.
    if (byte !== this.#kind + 2) throw this.#garbage('closes something else')
    this.#state = 'after'
  }

  /** Keeps a copy: what a chunk lies in may be written again. */
  #hold(bytes: Uint8Array): void {
    this.#heldSize += bytes.length
    if (this.#heldSize <= MAX_PART && bytes.length > 0) this.#held.push(bytes.slice())
    if (this.#heldSize > MAX_PART) this.#held = []
  }

  *#take(): Generator<JsonPart> {
    const text = this.#heldSize > MAX_PART ? undefined : Buffer.concat(this.#held).toString('utf8')
    this.#held = []
    this.#heldSize = 0
    if (text?.trim() === '') {
      if (this.#state === 'after' && this.#count === 0) return
      throw this.#garbage('has an empty part')
    }
    this.#count += 1
    yield text
  }

  #garbage(what: string): DfhfError {
    return new DfhfError('bad-response', `${this.#from} did not answer with proper JSON: it ${what}`)
  }
}
