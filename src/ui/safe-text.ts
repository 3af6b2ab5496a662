/**
 * Control characters, escape sequences' first bytes among them, and those that reorder or hide text: a name from
 * the Hub must neither move the cursor nor look like another name.
 */
const unsafe = /[\p{Cc}\p{Cs}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** `text` on one line and without anything that a terminal would obey; what is replaced shows as `\xNN` or `\u{…}`. */
export function safeText(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}
