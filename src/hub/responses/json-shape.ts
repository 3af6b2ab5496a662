import { DfhfError } from '../../base/errors.ts'
import { isObject, type JsonObject } from '../../base/json-object.ts'

/** Takes a value of the Hub for an object; throws `bad-response`. */
export function asObject(value: unknown, what: string): JsonObject {
  if (isObject(value)) return value
  throw misshapen(what)
}

/** Takes a value of the Hub for a text; throws `bad-response`. */
export function asString(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw misshapen(what)
}

/** Takes a value of the Hub for a count of bytes; throws `bad-response`. */
export function asSize(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw misshapen(what)
}

function misshapen(what: string): DfhfError {
  return new DfhfError('bad-response', `the Hub's answer has no proper ${what}`)
}
