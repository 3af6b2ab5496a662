const mark = '(…)'

/** The last part of a name, at most `width` columns, with `(…)` for what is cut off. */
export function shortName(name: string, width = 40): string {
  if (Bun.stringWidth(name) <= width) return name
  const kept: string[] = []
  let used = Bun.stringWidth(mark)
  for (const character of [...name].reverse()) {
    used += Bun.stringWidth(character)
    if (used > width) break
    kept.push(character)
  }
  return mark + kept.reverse().join('')
}

/** `text` filled with spaces to `width` columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - Bun.stringWidth(text)))
}
