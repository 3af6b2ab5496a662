import { unsafeCharacters } from '../base/unsafe-characters.ts'

/** `text` on one line and without anything that a terminal would obey; what is replaced shows as `\xNN` or `\u{…}`. */
export function safeText(text: string): string {
  return text.replace(unsafeCharacters, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}
