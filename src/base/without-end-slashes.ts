/** The text without the slashes at its end, at the cost of those alone: a pattern would try each run of slashes anew. */
export function withoutEndSlashes(text: string): string {
  let end = text.length
  while (text[end - 1] === '/') end -= 1
  return text.slice(0, end)
}
