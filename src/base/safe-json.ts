import { unsafeCharacters } from './unsafe-characters.ts'

/** A value as JSON on one line, with everything that a terminal would obey as \uXXXX: it parses to the same value. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafeCharacters, (character) =>
    Array.from({ length: character.length }, (_, at) => escaped(character.charCodeAt(at))).join(''),
  )
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
