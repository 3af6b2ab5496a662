import { DfhfError } from '../../base/errors.ts'
import { isObject, type JsonObject } from '../../base/json-object.ts'

/** Reads the fields of one JSON object that came from a peer; throws `bad-response` for a field that is not as it must be. */
export class WireReader {
  readonly #fields: JsonObject
  readonly #sender: string

  constructor(value: unknown, sender: string) {
    this.#sender = sender
    if (!isObject(value)) this.fail('something else than an object')
    this.#fields = value
  }

  /** Parses JSON text of at most `maxLength` characters. */
  static parse(text: string, sender: string, maxLength: number): WireReader {
    if (text.length > maxLength) throw garbage(sender, `a message of more than ${maxLength} characters`)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw garbage(sender, 'something else than JSON', cause)
    }
    return new WireReader(value, sender)
  }

  /** All fields, unchecked. */
  get fields(): JsonObject {
    return this.#fields
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key)
  }

  value(key: string): unknown {
    return this.has(key) ? this.#fields[key] : undefined
  }

  integer(key: string, min: number, max: number): number {
    const value = this.value(key)
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      this.fail(`a bad '${key}'`)
    return value
  }

  text(key: string, pattern: RegExp): string {
    const value = this.value(key)
    if (typeof value !== 'string' || !pattern.test(value)) this.fail(`a bad '${key}'`)
    return value
  }

  /** A boolean; absent counts as false. */
  flag(key: string): boolean {
    const value = this.value(key)
    if (value !== undefined && typeof value !== 'boolean') this.fail(`a bad '${key}'`)
    return value === true
  }

  /** A list of at most `limit` entries; absent counts as empty. */
  list(key: string, limit: number): readonly unknown[] {
    if (!this.has(key)) return []
    const value = this.value(key)
    if (!Array.isArray(value) || value.length > limit) this.fail(`a bad '${key}'`)
    return value
  }

  object(key: string): WireReader {
    return new WireReader(this.value(key), this.#sender)
  }

  /** The names of all fields; more than `limit` are refused. */
  keys(limit: number): readonly string[] {
    const keys = Object.keys(this.#fields)
    if (keys.length > limit) this.fail(`more than ${limit} fields`)
    return keys
  }

  fail(what: string): never {
    throw garbage(this.#sender, what)
  }
}

function garbage(sender: string, what: string, cause?: unknown): DfhfError {
  return new DfhfError('bad-response', `peer ${sender} sent ${what}`, { cause })
}
