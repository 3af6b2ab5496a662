import { DfhfError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json-object.ts'
import type { HttpResponse } from '../../http/http-response.ts'

/** The most bytes of one response. It is read as it comes, so that only what `read` makes of it is in memory. */
const MAX_RESPONSE_SIZE = 2 ** 26
/** The Hub itself gives 1,000 files a page; a mirror may give more. */
const MAX_ENTRIES = 200_000

/** What `read` makes of each element of a JSON list, without those of which it makes undefined. */
export async function readJsonList<T>(
  response: HttpResponse,
  what: string,
  read: (element: unknown) => T | undefined,
): Promise<T[]> {
  const values: T[] = []
  let count = 0
  for await (const part of response.jsonParts('[', MAX_RESPONSE_SIZE)) {
    count += 1
    if (count > MAX_ENTRIES)
      throw new DfhfError('bad-response', `the Hub's ${what} has more than ${MAX_ENTRIES} entries at once`)
    if (part === undefined)
      throw new DfhfError('bad-response', `the Hub's ${what} has an entry that is too large`)
    const value = read(parsed(part, what))
    if (value !== undefined) values.push(value)
  }
  return values
}

/** The named fields of a JSON object; all others, of any size, are passed over. */
export async function readJsonFields(
  response: HttpResponse,
  what: string,
  names: readonly string[],
): Promise<JsonObject> {
  const fields = new Map<string, unknown>()
  for await (const part of response.jsonParts('{', MAX_RESPONSE_SIZE)) {
    if (part === undefined) continue
    const member = parsed(`{${part}}`, what)
    for (const [name, value] of Object.entries(member ?? {}))
      if (names.includes(name)) fields.set(name, value)
  }
  return Object.fromEntries(fields)
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DfhfError('bad-response', `the Hub's ${what} is no proper JSON`, { cause })
  }
}
